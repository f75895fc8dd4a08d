import { defineConfig } from "vitest/config";
import { internals, subpaths } from "./test/package/subpaths.ts";

export default defineConfig({
  resolve: {
    // Tests run from source: each line of package.json's `exports` and `imports` leads to its file in `src`.
    alias: [...subpaths, ...internals].map(({ specifier, source }) => ({
      find: new RegExp(`^${specifier}$`),
      replacement: source,
    })),
  },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["./test/security/setup.ts"],
    reporters: ["default", "./test/reporter.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
