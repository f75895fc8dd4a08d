import { defineConfig } from "vitest/config";
import own from "../../vitest.config.ts";
import { examples } from "./heavy/app.ts";

/**
 * `npm run test:examples`: apps with packages of their own, installed, built and started as their readers would. Each in a process of its own, one after the other: built apps
 * run in it too, and their frameworks change what is global.
 */
export default defineConfig({
  resolve: own.resolve ?? {},
  test: {
    projects: examples.map((name) => ({
      extends: true,
      test: { name, include: ["test/examples/heavy.ts"], env: { EXAMPLE: name } },
    })),
    fileParallelism: false,
    reporters: ["default", "./test/reporter.ts"],
    testTimeout: 30_000,
    // Of a whole installation and build, on a machine that may do other things.
    hookTimeout: 300_000,
  },
});
