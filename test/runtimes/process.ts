import assert from "node:assert/strict";
import { subscribe } from "node:diagnostics_channel";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { createSessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { sqliteStore } from "holdfast/stores/sqlite";
import { storeCases } from "holdfast/testing";
import { everywhere, type Groups } from "./groups.ts";

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

async function eventsOnChannels(): Promise<void> {
  const handles: unknown[] = [];
  subscribe("holdfast:created", (event) => handles.push((event as { handle: string }).handle));
  const sessions = createSessions<{ n: number }>({ store: memoryStore() });
  const exchange = await sessions.open({ header: () => undefined, encrypted: false });
  exchange.session.data.n = 1;
  await exchange.commit();
  assert.deepEqual(handles, [exchange.session.handle]);
  await sessions.close();
}

/** What holds on runtimes with Node's modules. */
export const withNodeModules: Groups = {
  ...everywhere,
  "events on node:diagnostics_channel": [{ name: "are published", run: eventsOnChannels }],
  "the SQLite store, on two connections to one file": storeCases(open),
  "the SQLite store, in memory": storeCases(openInMemory),
};
