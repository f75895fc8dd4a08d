import { createRequire } from "node:module";
import { describe } from "vitest";
import type { BuildStore } from "./build.ts";
import { storeSuite } from "./suite.ts";

const require = createRequire(import.meta.url);
const sqlite: new (path: string) => { close(): void } = require("better-sqlite3");
const betterSqlite3SessionStore: BuildStore = require("better-sqlite3-session-store");

describe("better-sqlite3-session-store", () => {
  storeSuite(() => {
    const client = new sqlite(":memory:");
    return {
      open: (library) => new (betterSqlite3SessionStore(library))({ client }),
      close: () => client.close(),
    };
  });
});
