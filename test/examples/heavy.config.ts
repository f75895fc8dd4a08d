import { defineConfig } from "vitest/config";
import own from "../../vitest.config.ts";

/** `npm run test:examples`: apps with packages of their own, installed, built and started as their readers would. */
export default defineConfig({
  resolve: own.resolve ?? {},
  test: {
    include: ["test/examples/heavy.ts"],
    reporters: ["default", "./test/reporter.ts"],
    testTimeout: 30_000,
    // Of a whole installation and build, on a machine that may do other things.
    hookTimeout: 300_000,
  },
});
