import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import type { BuildStore } from "./build.ts";
import { storeSuite } from "./suite.ts";

const sessionFileStore: BuildStore = createRequire(import.meta.url)("session-file-store");

describe("session-file-store", () => {
  storeSuite(() => {
    const path = mkdtempSync(join(tmpdir(), "holdfast-"));
    return {
      open: (library) => new (sessionFileStore(library))({ path, reapInterval: -1, retries: 0, logFn: () => {} }),
      close: () => rmSync(path, { recursive: true }),
    };
  });
});
