import { inspect } from "node:util";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { postgresStore } from "../../src/stores/postgres.ts";
import { describeWith } from "../needs.ts";
import { failing, newRecord, update } from "./fixtures.ts";
import { ending, pgPool, postgresDatabase, postgresJs } from "./sql/database.ts";
import { kit } from "./sql/kit.ts";
import { startPgBouncer } from "./sql/pgbouncer.ts";
import { newTable, sqlStoreTests } from "./sql/suite.ts";

describeWith("PostgreSQL", "the PostgreSQL store", (place) => {
  const database = postgresDatabase(place);

  describe.each([
    ["READ COMMITTED", undefined],
    ["SERIALIZABLE", "-c default_transaction_isolation=serializable"],
  ])("keeps the contract through pg, at %s", (_, settings) => {
    kit(() => pgPool(database.url, { settings }), postgresStore, { raced: true });
  });

  describe("keeps the contract through postgres.js", () => {
    kit(() => postgresJs(database.url), postgresStore);
  });

  describeWith("PgBouncer", "keeps the contract through PgBouncer, which pools by transaction", (program) => {
    const bouncer = startPgBouncer(program, database.url);
    describe("with pg", () => {
      kit(() => pgPool(database.url, { port: bouncer.port, max: 6 }), postgresStore);
    });
    describe("with postgres.js, told not to prepare", () => {
      kit(() => postgresJs(database.url, { port: bouncer.port, max: 6, prepare: false }), postgresStore);
    });
  });

  sqlStoreTests(database);

  it("locks nobody out when two log the same user out everywhere", async () => {
    const [store, other] = [database.store(), database.store()];
    const handles = Array.from({ length: 200 }, (_, i) => `out-${i}`);
    await Promise.all(handles.map((handle) => store.create(handle, newRecord({ userId: "ada" }))));
    const ended = await Promise.all([store.deleteAll("ada"), other.deleteAll("ada")]);
    expect(ended.flat().toSorted()).toEqual(handles.toSorted());
  });

  describe("the server's refusal", () => {
    it("to write says that it is read-only, and reads go on", async () => {
      const table = newTable();
      await database.store({ table }).create("h", newRecord());
      const store = database.store({ table }, { settings: "-c default_transaction_read_only=on" });
      await expect(update(store, "h")).rejects.toEqual(failing("store-readonly", /"t\d+" can't be written to/));
      expect((await store.read("h"))?.version).toBe(1);
    });

    it("to wait any longer says that the table is locked", async () => {
      const table = newTable();
      const store = database.store({ table }, { settings: "-c lock_timeout=100" });
      await store.create("h", newRecord());
      const release = await database.lock(`SELECT * FROM ${table} FOR UPDATE`);
      await expect(update(store, "h")).rejects.toEqual(failing("store-locked", /lock_timeout/));
      await release();
      expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
    });

    it.each([
      ["pg", () => pgPool(database.url)],
      ["postgres.js", () => postgresJs(database.url)],
    ])("of a row is told without the row, through %s", async (_, connect) => {
      const table = newTable();
      const store = postgresStore(ending(connect()), { table });
      await store.read("h");
      await database.run(`ALTER TABLE ${table} ADD CHECK (version > 1)`);
      const record = newRecord({ entries: new Map([["a", '"the password is tea"']]) });
      const error = await Promise.resolve(store.create("h", record)).catch((error) => error);
      expect(error).toEqual(failing("store-failed", /23514/));
      expect(inspect(error, { depth: 5 })).not.toMatch(/tea/);
    });

    it("of a user without rights says what to do", async () => {
      const table = newTable();
      await database.store({ table }).create("h", newRecord());
      const store = database.store({ table }, { settings: "-c role=pg_monitor" });
      await expect(store.read("h")).rejects.toEqual(failing("store-failed", /GRANT/));
    });
  });

  describe("a schema of the app's", () => {
    it("holds the table and its indexes", async () => {
      await database.run('CREATE SCHEMA "App"');
      const store = database.store({ schema: "App", table: "Session" });
      await store.create("h", newRecord({ userId: "ada" }));
      expect(await store.list("ada")).toHaveLength(1);
      expect(await database.run(`SELECT indexname FROM pg_indexes WHERE schemaname = 'App' ORDER BY 1`)).toEqual([
        { indexname: "Session_pkey" },
        { indexname: "Session_sweep" },
        { indexname: "Session_user" },
      ]);
    });
  });

  describe("a client", () => {
    it("that renames columns makes no difference", async () => {
      const sql = ending(postgres(database.url, { transform: postgres.camel, onnotice() {} }));
      const store = postgresStore(sql, { table: newTable() });
      const record = newRecord({ userId: "ada", entries: new Map([["a", "1"]]) });
      await store.create("h", record);
      expect(await store.list("ada")).toEqual([{ handle: "h", record }]);
    });

    it.each([
      ["pg", () => pgPool(database.url)],
      ["postgres.js", () => postgresJs(database.url)],
    ])("of %s that was ended says that the app closed it", async (_, connect) => {
      const client = connect();
      const store = postgresStore(client);
      await store.read("h");
      await client.end();
      await expect(store.read("h")).rejects.toEqual(failing("store-closed", /the app has closed/));
    });
  });

  it("takes nothing but pg and postgres.js", () => {
    expect(() => postgresStore({} as never)).toThrow(failing("option-invalid", /pg or a postgres\.js client/));
  });
});
