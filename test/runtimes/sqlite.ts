import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { sqliteStore } from "holdfast/stores/sqlite";
import { storeCases } from "holdfast/testing";
import type { Groups } from "./groups.ts";

// Made when the cases run: who wants their names alone leaves no file.
let path: string | undefined;
let store: ReturnType<typeof sqliteStore> | undefined;

/** In the folder that the process was started in. */
const open = () => {
  path ??= join(mkdtempSync("sqlite-"), "sessions.db");
  return sqliteStore(path);
};

const openInMemory = () => {
  store ??= sqliteStore(":memory:");
  return store;
};

/** For runtimes with node:sqlite. */
export const sqlite: Groups = {
  "the SQLite store, on two connections to one file": storeCases(open),
  "the SQLite store, in memory": storeCases(openInMemory),
};
