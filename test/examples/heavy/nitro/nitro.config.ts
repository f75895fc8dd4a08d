import { defineNitroConfig } from "nitro/config";

export default defineNitroConfig({
  compatibilityDate: "2025-10-01",
  errorHandler: "./error",
  output: { dir: process.env.OUTPUT ?? ".output" },
});
