import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";

/** The example's own, but for the hooks: those of the suite call the example's. */
export default defineConfig({
  plugins: [sveltekit({ adapter: adapter(), files: { hooks: { server: "src/suite.hooks.server.ts" } } })],
});
