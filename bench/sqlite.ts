import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { SessionRecord } from "../src/store.ts";
import { sqliteStore } from "../src/stores/sqlite.ts";

/**
 * What the SQLite store costs above its statements, and what it gains by committing together: `node bench/sqlite.ts [rounds]`.
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
const [create, update, read] = ["INSERT INTO holdfast_sessions", "UPDATE", "SELECT handle"].map((text) =>
  db.again(text),
);

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

/** Updates, so many in one turn of the event loop, and with bare statements in one transaction. */
const SIZES = [1, 2, 8, 32];
const UPDATES = 512;
const full = sqliteStore(join(folder, "full.db"), { synchronous: "full" });
const handles = Array.from({ length: SESSIONS }, () => randomBytes(16).toString("base64url"));
await Promise.all(handles.map((handle) => full.create(handle, record)));
for (const handle of handles) sides.bare.create(handle);

function bareTogether(group: readonly string[], synchronous: string): void {
  db.exec(`PRAGMA synchronous = ${synchronous}`);
  if (group.length > 1) db.exec("BEGIN IMMEDIATE");
  for (const [i, handle] of group.entries()) sides.bare.update(handle, i);
  if (group.length > 1) db.exec("COMMIT");
}
const set = new Map([["views", "42"]]);
const change = { set, touchedAt: Date.now(), expiresAt: later };
const groups = {
  "bare, NORMAL": (group: readonly string[]) => bareTogether(group, "NORMAL"),
  "bare, FULL": (group: readonly string[]) => bareTogether(group, "FULL"),
  "store, full": (group: readonly string[]) => Promise.all(group.map((h) => full.update(h, change, { secretHash }))),
};

const costs = new Map<string, { wall: number; cpu: number }[]>();
for (let round = 0; round <= rounds; round++)
  for (const size of SIZES)
    for (const [name, commit] of Object.entries(groups)) {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      for (let i = 0; i < UPDATES; i += size)
        await commit(Array.from({ length: size }, () => handles[Math.floor(Math.random() * SESSIONS)]!));
      const { user, system } = process.cpuUsage(cpu);
      const wall = (1000 * (performance.now() - start)) / UPDATES;
      const key = `${name.padEnd(12)} ${String(size).padStart(2)} together`;
      if (round > 0) costs.set(key, [...(costs.get(key) ?? []), { wall, cpu: (user + system) / UPDATES }]);
    }
for (const [key, values] of [...costs].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const [wall, cpu] = [median(values.map(({ wall }) => wall)), median(values.map(({ cpu }) => cpu))];
  console.log(`${key}   ${wall.toFixed(1).padStart(6)} µs an update   ${cpu.toFixed(1).padStart(5)} µs of CPU`);
}
await Promise.all([store.close(), full.close()]);
db.close();
rmSync(folder, { recursive: true });
