import mysql from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { failing, newRecord, update } from "../fixtures.ts";
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
