import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sqliteStore } from "holdfast/stores/sqlite";
import { storeCases } from "holdfast/testing";
import type { Groups } from "./groups.ts";

let path: string | undefined;
const open = () => {
  path ??= join(mkdtempSync("sqlite-"), "sessions.db");
  return sqliteStore(path);
};

const memory = { open: () => sqliteStore(":memory:") };
let store: ReturnType<typeof memory.open> | undefined;
const openMemory = () => (store ??= memory.open());

/** For runtimes with node:sqlite. */
export const sqlite: Groups = {
  "the SQLite store, on two connections to one file": storeCases(open),
  "the SQLite store, in memory": storeCases(openMemory),
};
