import mysql from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { failing, later, newRecord, update } from "../fixtures.ts";
import { type Database, ending, mysqlDatabase, mysqlPool } from "./database.ts";
import { kit } from "./kit.ts";
import { newTable, sqlStoreTests } from "./suite.ts";

/** What holds on MySQL and on MariaDB alike. */
export function mysqlStoreTests(place: string): Database {
  const database = mysqlDatabase(place);

  describe.each([
    ["the server's own isolation level", undefined, true],
    ["READ COMMITTED", "TRANSACTION ISOLATION LEVEL READ COMMITTED", false],
    ["a sql_mode that is not strict", "sql_mode = ''", false],
  ])("keeps the contract at %s", (_, settings, raced) => {
    kit(() => mysqlPool(database.url, { settings }), mysqlStore, { raced });
  });

  sqlStoreTests(database);

  describe("the server's refusal", () => {
    it("to write says that it is read-only, and reads go on", async () => {
      const table = newTable();
      await database.store({ table }).create("h", newRecord());
      const store = database.store({ table }, { settings: "TRANSACTION READ ONLY" });
      await expect(update(store, "h")).rejects.toEqual(failing("store-readonly", /`t\d+`/));
      expect((await store.read("h"))?.version).toBe(1);
    });

    it("to wait any longer says that the table is locked", async () => {
      const table = newTable();
      const store = database.store({ table }, { settings: "innodb_lock_wait_timeout = 1" });
      await store.create("h", newRecord());
      const release = await database.lock(`SELECT * FROM ${table} FOR UPDATE`);
      await expect(update(store, "h")).rejects.toEqual(failing("store-locked", /long transactions/));
      await release();
      expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
    });
  });

  describe("a logout everywhere", () => {
    it.each([
      [1, 3],
      [60, 1],
    ])("of %i sessions waits for none of %i others", async (count, others) => {
      const table = newTable();
      const store = database.store({ table }, { settings: "innodb_lock_wait_timeout = 1" });
      const made = Array.from({ length: count + others }, (_, i) => `h${i}`);
      const handles = made.slice(0, count);
      const userOf = (handle: string) => (handles.includes(handle) ? "ada" : "bob");
      await Promise.all(made.map((handle) => store.create(handle, newRecord({ userId: userOf(handle) }))));
      const release = await database.lock(`SELECT * FROM ${table} WHERE handle = '${made.at(-1)}' FOR UPDATE`);
      const ended = await Promise.resolve(store.deleteAll("ada")).finally(release);
      expect(ended.toSorted()).toEqual(handles.toSorted());
    });

    it("asks for the index that it needs, where one is missing", async () => {
      const table = newTable();
      const store = database.store({ table });
      await store.create("h", newRecord({ userId: "ada" }));
      await database.run(`DROP INDEX ${table}_user ON ${table}`);
      await expect(store.deleteAll("ada")).rejects.toEqual(failing("store-failed", /lacks an index/));
    });
  });

  describe("a session that outgrows max_allowed_packet", () => {
    it("is kept whole or refused, though sql_mode isn't strict", async () => {
      const [row] = (await database.run("SELECT @@max_allowed_packet AS most")) as [{ most: number }];
      const text = "x".repeat(row.most * 0.6);
      const store = database.store({ table: newTable() }, { settings: "sql_mode = ''" });
      await store.create("h", newRecord({ entries: new Map([["a", text]]) }));
      const outcome = await Promise.resolve(update(store, "h", { set: new Map([["b", text]]) })).catch(
        (error) => error,
      );
      const names = [...(await store.read("h"))!.entries.keys()];
      if (outcome.status === "updated") expect(names.toSorted()).toEqual(["a", "b"]);
      else {
        expect(outcome).toEqual(failing("store-full", /max_allowed_packet/));
        expect(names).toEqual(["a"]);
      }
    });
  });

  describe("a user of the database's", () => {
    const name = new URL(database.url).pathname.slice(1);
    beforeAll(async () => {
      await database.run(`CREATE USER '${name}' IDENTIFIED BY 'tea:?/'`);
    });
    afterAll(async () => {
      await database.run(`DROP USER '${name}'`);
    });
    const grant = (rights: string, table: string) => database.run(`GRANT ${rights} ON ${name}.${table} TO '${name}'`);
    const storeOf = (table: string) => {
      const credentials = { user: name, password: "tea:?/" };
      const { hostname: host, port } = new URL(database.url);
      return mysqlStore(ending(mysql.createPool({ host, port: Number(port), database: name, ...credentials })), {
        table,
      });
    };

    it("with a password needs no more rights than to read and write, and to create the table", async () => {
      const table = newTable();
      await grant("SELECT, INSERT, UPDATE, DELETE, CREATE", table);
      const store = storeOf(table);
      for (const handle of ["h", "i", "j"]) await store.create(handle, newRecord({ userId: "ada" }));
      expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
      expect(await store.delete("i")).toBe(true);
      expect(await store.deleteAll("ada", { except: "h" })).toEqual(["j"]);
      expect(await store.sweep(later() + 1)).toBe(1);
      expect(await store.problems!()).toEqual([]);
    });

    it("without rights is told what to do", async () => {
      const table = newTable();
      await database.store({ table }).create("h", newRecord());
      await grant("SELECT", table);
      await expect(update(storeOf(table), "h")).rejects.toEqual(failing("store-failed", /GRANT/));
    });
  });

  describe("a pool", () => {
    it("in another charset is refused before it can bend a text", async () => {
      const pool = ending(mysql.createPool({ uri: database.url, charset: "LATIN1_SWEDISH_CI" }));
      const refused = failing("store-failed", /utf8mb4/);
      await expect(mysqlStore(pool).create("h", newRecord())).rejects.toEqual(refused);
    });

    it("whose connections commit nothing by themselves is told of, instead of losing what was written", async () => {
      const table = newTable();
      await database.store({ table }).create("h", newRecord());
      const store = database.store({ table }, { settings: "autocommit = 0" });
      const cause = expect.objectContaining({ message: expect.stringMatching(/autocommit/) });
      await expect(update(store, "h")).rejects.toEqual(failing("store-failed", /./, { cause }));
      expect((await database.store({ table }).read("h"))?.version).toBe(1);
    });

    it("that returns rows in other forms makes no difference", async () => {
      const options = {
        nestTables: true,
        typeCast: false,
        decimalNumbers: true,
        supportBigNumbers: true,
        bigNumberStrings: true,
      };
      const pool = ending(mysql.createPool({ uri: database.url, ...options, namedPlaceholders: true }));
      const store = mysqlStore(pool, { table: newTable() });
      const record = newRecord({ userId: "ada", entries: new Map([["a", "1"]]) });
      await store.create("h", record);
      expect(await store.list("ada")).toEqual([{ handle: "h", record }]);
      expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
    });

    it("that was ended says that the app closed it", async () => {
      const pool = mysqlPool(database.url);
      const store = mysqlStore(pool);
      await store.read("h");
      await pool.end();
      await expect(store.read("h")).rejects.toEqual(failing("store-closed", /the app has closed/));
    });
  });

  it("takes nothing but a pool of mysql2/promise", () => {
    expect(() => mysqlStore({} as never)).toThrow(failing("option-invalid", /mysql2\/promise/));
  });

  return database;
}
