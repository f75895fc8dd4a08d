import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import fc from "fast-check";
import { createSessions } from "holdfast";
import { afterEach, describe, expect, it, vi } from "vitest";
import { applyChange, type IndexedStore } from "../../../src/store.ts";
import { client } from "../../core/client.ts";
import { startProxy, type TcpProxy } from "../../proxy.ts";
import { assertCloses, failing, later, newRecord, SECRET, update } from "../fixtures.ts";
import type { Database } from "./database.ts";

let tables = 0;
export const newTable = (): string => `t${++tables}`;

/** What holds for every store on an SQL server, beyond the contract. */
export function sqlStoreTests(database: Database): void {
  describe("entries", () => {
    it("are merged in SQL as applyChange does in JavaScript, whatever their names and texts", async () => {
      const store = database.store();
      const tricky = fc.constantFrom(
        ..."\0 \u0001 0 1 \\ \" ' u0000 %0000 a A $.a [0] \u007f é 🍵 __proto__".split(" "),
        " ",
      );
      const text = fc.oneof(
        fc.array(tricky, { maxLength: 4 }).map((parts) => parts.join("")),
        fc.string({ unit: "binary" }),
      );
      const entries = fc.array(fc.tuple(text, text)).map((pairs) => new Map(pairs));
      let made = 0;
      const holds = async (before: Map<string, string>, set: Map<string, string>, names: string[]) => {
        const handle = `merged-${++made}`;
        const change = { set, remove: names.filter((name) => !set.has(name)), touchedAt: 5, expiresAt: later() };
        const record = newRecord({ entries: before });
        await store.create(handle, record);
        await store.update(handle, change, { secretHash: SECRET });
        expect(await store.read(handle)).toEqual(applyChange(record, change));
      };
      await fc.assert(fc.asyncProperty(entries, entries, fc.array(text), holds), { numRuns: 150 });
    });

    it("that were tampered with are told of, and not quoted", async () => {
      const table = newTable();
      const store = database.store({ table });
      await store.create("h", newRecord());
      await database.run(`UPDATE ${table} SET entries = '{"a": ["the password is tea"]}'`);
      const error = await Promise.resolve(store.read("h")).catch((error) => error);
      expect(error).toEqual(failing("record-corrupt", /record h/));
      expect([String(error), String(error.cause)].join()).not.toMatch(/tea/);
    });
  });

  describe("the table", () => {
    it("has its indexes and the right time, and says so where one is missing", async () => {
      const table = newTable();
      const store = database.store({ table });
      await store.create("h", newRecord());
      expect(await store.problems!()).toEqual([]);
      const isPostgres = database.url.startsWith("postgres");
      await database.run(`DROP INDEX ${isPostgres ? `${table}_user` : `${table}_user ON ${table}`}`);
      expect(await store.problems!()).toEqual([expect.stringMatching(/no index on user_id/)]);
    });

    it("is of a server whose clock is off, and says so", async () => {
      const store = database.store({ table: newTable() });
      await store.create("h", newRecord());
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
      try {
        expect(await store.problems!()).toEqual([expect.stringMatching(/clocks .* differ by -(59|60|61) s/)]);
      } finally {
        vi.useRealTimers();
      }
    });

    it("is created once, however many come first", async () => {
      const table = newTable();
      const stores = Array.from({ length: 8 }, () => database.store({ table }));
      const creates = stores.map((store, i) => store.create(`h${i}`, newRecord()));
      expect(await Promise.all(creates)).toEqual(Array(8).fill("created"));
      expect(await database.run(`SELECT handle FROM ${table}`)).toHaveLength(8);
    });

    it("may be created by the app's own migrations", async () => {
      const table = newTable();
      const store = database.store({ table, migrate: false });
      await expect(store.read("h")).rejects.toEqual(failing("store-failed", /Schema\(\)/));
      for (let twice = 0; twice < 2; twice++) await database.run(database.schema({ table }));
      expect(await store.create("h", newRecord())).toBe("created");
      expect(await database.store({ table }).read("h")).toBeDefined();
    });

    it("that isn't holdfast's is left alone", async () => {
      const table = newTable();
      await database.run(`CREATE TABLE ${table} (id int)`);
      const store = database.store({ table });
      await expect(store.read("h")).rejects.toEqual(failing("store-corrupt", /not holdfast's/));
      await database.run(`DROP TABLE ${table}`);
      expect(await store.read("h")).toBeUndefined(); // it looks again
    });

    it("of a later release is left alone", async () => {
      const table = newTable();
      const later = database.schema({ table }).replaceAll("version 1", "version 2");
      await database.run(later);
      await expect(database.store({ table }).read("h")).rejects.toEqual(failing("store-corrupt", /version 2.*Update/));
    });

    it.each([
      { table: "a-b" },
      { table: "" },
      { table: "n".repeat(49) },
      { schema: 'a"b' },
      { migrate: 1 as never },
      { queryTimeout: 0 },
      { queryTimeout: 2 ** 31 },
    ])("is no place for %j", (options) => {
      const [option] = Object.keys(options);
      expect(() => database.store(options)).toThrow(failing("option-invalid", /Store/, { details: { option } }));
    });

    it("has no option that isn't known", () => {
      expect(() => database.store({ tabel: "t" } as never)).toThrow(failing("option-unknown", /"tabel".*`table`/));
    });
  });

  describe("several processes on one table", () => {
    const children: ChildProcess[] = [];
    afterEach(() => {
      for (const child of children.splice(0)) child.kill("SIGKILL");
    });

    async function message(from: ChildProcess): Promise<unknown> {
      const ended = once(from, "exit").then(([code]) => Promise.reject(new Error(`The child ended with ${code}.`)));
      return (await Promise.race([once(from, "message"), ended]))[0];
    }

    it("may all be the first, and lose no increment", async () => {
      await database.run("DROP TABLE IF EXISTS holdfast_sessions");
      const script = new URL("child.ts", import.meta.url);
      for (let i = 0; i < 4; i++) children.push(fork(script, [database.url, "50"]));
      await Promise.all(children.map(message));
      for (const child of children) child.send("go");
      const conflicts = (await Promise.all(children.map(message))) as number[];
      const record = await database.store().read("counter");
      expect(record?.entries.get("n")).toBe("200");
      expect(record?.version).toBe(201);
      expect(Math.max(...conflicts), "the children never met").toBeGreaterThan(0);
    });
  });

  describe("a sweep", () => {
    it("beside live writers removes what expired, and nothing that a writer kept alive", async () => {
      const [store, other] = [database.store(), database.store()];
      const made = Array.from({ length: 600 }, (_, i) => `swept-${i}`);
      const due = Date.now() + 60_000;
      await Promise.all(made.map((handle) => store.create(handle, newRecord({ expiresAt: due }))));
      const sweeps = [store.sweep(due), other.sweep(due)];
      const kept = made.filter((_, i) => i % 2);
      const writes = await Promise.all(kept.map((handle) => update(other, handle)));
      const swept = (await Promise.all(sweeps)).reduce((sum, count) => sum + count) + (await store.sweep(due));
      const updated = kept.filter((_, i) => writes[i]!.status === "updated");
      for (const handle of updated) expect(await store.read(handle), handle).toBeDefined();
      expect(swept).toBe(made.length - updated.length);
    });

    it("waits for no row that another transaction holds", async () => {
      const table = newTable();
      const store = database.store({ table });
      for (const handle of ["held", "free"]) await store.create(handle, newRecord({ expiresAt: 1 }));
      const release = await database.lock(`SELECT handle FROM ${table} WHERE handle = 'held' FOR UPDATE`);
      expect(await store.sweep(Date.now())).toBe(1);
      await release();
      expect(await store.sweep(Date.now())).toBe(1);
    });
  });

  describe("closing", () => {
    it("ends every operation, may be repeated, and leaves the pool open", async () => {
      const store = database.store({ table: newTable() });
      await store.create("h", newRecord());
      await assertCloses(store);
    });
  });

  describe("on a network that fails", () => {
    let proxy: TcpProxy;
    async function behindProxy(options = {}): Promise<IndexedStore> {
      proxy = await startProxy({ port: database.port });
      const store = database.store({ table: newTable(), ...options }, { port: proxy.port, max: 1 });
      await store.create("h", newRecord());
      return store;
    }
    afterEach(() => proxy?.close());

    it("a request gives up at its deadline, and the next one finds the store again", async () => {
      const store = await behindProxy();
      const patient = client(createSessions<{ n: number }>({ store, timeout: "20s" }));
      const hasty = client(createSessions<{ n: number }>({ store, timeout: 50 }));
      await patient.set({ n: 1 });
      hasty.cookie = patient.cookie;
      const held = proxy.hold("requests");
      const waiting = expect(hasty.request((session) => session.data.n)).rejects.toEqual(failing("store-timeout"));
      await held;
      await waiting;
      proxy.flow();
      expect((await patient.request((session) => session.data.n)).value).toBe(1);
    });

    it.each(["cut", "reset"] as const)(
      "a commit whose connection is %s before it arrives fails, and does nothing",
      async (end) => {
        const store = await behindProxy();
        const held = proxy.hold("requests");
        const writing = expect(update(store, "h")).rejects.toEqual(failing("store-failed", /See the cause/));
        await held;
        proxy[end]();
        await writing;
        expect((await store.read("h"))?.version).toBe(1);
        expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
      },
    );

    it("a commit whose answer is lost fails, and is not done twice", async () => {
      const store = await behindProxy();
      await update(store, "h"); // its statement is prepared now
      const held = proxy.hold("replies");
      const writing = expect(update(store, "h")).rejects.toEqual(failing("store-failed"));
      await held;
      proxy.cut();
      await writing;
      expect((await store.read("h"))?.version).toBe(3);
    });

    it("a server that is down is an error, and is used again when it is up", async () => {
      const store = await behindProxy();
      await proxy.down();
      const cause = expect.any(Error);
      await expect(store.read("h")).rejects.toEqual(failing("store-failed", /./, { cause, status: 503 }));
      await proxy.up();
      expect((await store.read("h"))?.version).toBe(1);
    });

    it("a connection that nobody answers on is dropped after queryTimeout, and the pool has room again", async () => {
      const store = await behindProxy({ queryTimeout: 200 });
      const held = proxy.hold("requests", "replies");
      const writing = expect(update(store, "h")).rejects.toEqual(failing("store-failed"));
      await held;
      await writing;
      const reading = store.read("h");
      await expect.poll(() => proxy.accepted).toBe(2);
      proxy.flow();
      expect(await reading).toBeDefined();
    });
  });
}
