import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { SessionRecord } from "../src/store.ts";
import { sqliteStore } from "../src/stores/sqlite.ts";

/**
 * What the SQLite store costs above its statements: `node bench/sqlite.ts [rounds]`.
 *
 * Both sides run the same SQL with the same pragmas on files of their own, in turns, so that a slow moment of the machine strikes both.
 * Records hold about 200 bytes in three entries; an update sets one of them.
 */
const SESSIONS = 5_000;
const rounds = Number(process.argv[2] ?? 9);

/** A connection that remembers the text of what was prepared on it. */
class Recording extends DatabaseSync {
  readonly texts: string[] = [];

  override prepare(text: string): StatementSync {
    this.texts.push(text);
    return super.prepare(text);
  }

  again(start: string): StatementSync {
    return super.prepare(this.texts.find((text) => text.startsWith(start))!);
  }
}

const later = Date.now() + 3_600_000;
const entries = {
  cart: JSON.stringify(["tea", "a cup", "a kettle with a long name"]),
  profile: JSON.stringify({ name: "Hong Gildong", theme: "dark", locale: "ko-KR", seen: "2031-05-01T09:00:00Z" }),
  views: "41",
};
const secretHash = `1:${randomBytes(32).toString("base64url")}`;
const times = { createdAt: Date.now(), touchedAt: Date.now(), expiresAt: later };
const record: SessionRecord = { secretHash, entries: new Map(Object.entries(entries)), ...times, version: 1 };

const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const store = sqliteStore(join(folder, "store.db"));
const db = new Recording(join(folder, "bare.db"));
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
await sqliteStore(db).close();
const [create, update, read] = ["INSERT INTO holdfast_sessions", "UPDATE", "SELECT *"].map((text) => db.again(text));

const row: SQLInputValue[] = [secretHash, null, null, null, Date.now(), null, Date.now(), later, later, 1];
const sides = {
  store: {
    create: (handle: string) => store.create(handle, record),
    update: (handle: string, i: number) =>
      store.update(
        handle,
        { set: new Map([["views", String(i)]]), touchedAt: Date.now(), expiresAt: later },
        { secretHash },
      ),
    read: (handle: string) => store.read(handle),
  },
  bare: {
    create: (handle: string) => create!.run(handle, ...row, JSON.stringify(entries)),
    update: (handle: string, i: number) => {
      const now = Date.now();
      const patch = JSON.stringify({ views: String(i) });
      return update!.all(patch, now, later, handle, now, secretHash, now, null, later);
    },
    read: (handle: string) => read!.get(handle, Date.now()),
  },
};
type Operation = keyof typeof sides.store;

async function perSecond(run: (handle: string, i: number) => unknown, handles: readonly string[]): Promise<number> {
  const start = performance.now();
  for (const [i, handle] of handles.entries()) await run(handle, i);
  return (1000 * handles.length) / (performance.now() - start);
}

const results = { store: { create: [], update: [], read: [] }, bare: { create: [], update: [], read: [] } } as Record<
  keyof typeof sides,
  Record<Operation, number[]>
>;
for (let round = 0; round <= rounds; round++) {
  const handles = Array.from({ length: SESSIONS }, () => randomBytes(16).toString("base64url"));
  for (const operation of ["create", "update", "read"] as const)
    for (const side of round % 2 ? (["store", "bare"] as const) : (["bare", "store"] as const)) {
      const rate = await perSecond(sides[side][operation], handles);
      if (round > 0) results[side][operation].push(rate); // the first round warms up
    }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
console.log(
  `${rounds} rounds of ${SESSIONS} sessions, Node ${process.version}, SQLite ${process.versions.sqlite}, WAL, synchronous=NORMAL`,
);
for (const operation of ["create", "update", "read"] as const) {
  const [ours, bare] = [median(results.store[operation]), median(results.bare[operation])];
  const ratio = median(results.store[operation].map((rate, i) => rate / results.bare[operation][i]!));
  const rates = `store ${ours.toFixed(0).padStart(7)}/s   bare ${bare.toFixed(0).padStart(7)}/s`;
  console.log(`${operation.padEnd(7)} ${rates}   ratio ${ratio.toFixed(2)}`);
}
await store.close();
db.close();
rmSync(folder, { recursive: true });
