import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { IndexedStore } from "holdfast";
import { d1Store } from "holdfast/stores/d1";
import { memoryStore } from "holdfast/stores/memory";
import { mysqlStore } from "holdfast/stores/mysql";
import { postgresStore } from "holdfast/stores/postgres";
import { redisStore } from "holdfast/stores/redis";
import { sqliteStore } from "holdfast/stores/sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import { remoteD1 } from "./d1.ts";

/** A store of an app's own. */
export interface OpenStore {
  readonly store: IndexedStore;
  /** Damages a row: in an SQL database its entries, in Redis all of it. Rejects where the database itself refuses the text. */
  plant?(handle: string, text: string): Promise<void>;
  /** All its rows, read past the store where there is something to read. `handles` are those that it was given. */
  rows(handles: Iterable<string>): Promise<string[]>;
  close(): Promise<void>;
}

export type OpenAStore = () => Promise<OpenStore>;

const newName = (): string => `holdfast_${randomBytes(6).toString("hex")}`;
const shown = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row));

export const inMemory: OpenAStore = async () => {
  const store = memoryStore();
  return {
    store,
    async rows(handles) {
      const records = await Promise.all(
        [...handles].map(async (handle) => ({ handle, record: await store.read(handle) })),
      );
      return records
        .filter(({ record }) => record)
        .map(({ handle, record }) => JSON.stringify({ handle, ...record, entries: [...record!.entries] }));
    },
    async close() {},
  };
};

export const inSqlite: OpenAStore = async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-security-"));
  const file = join(folder, "sessions.db");
  const store = sqliteStore(file);
  const db = new DatabaseSync(file);
  return {
    store,
    async plant(handle, text) {
      db.prepare("UPDATE holdfast_sessions SET entries = ? WHERE handle = ?").run(text, handle);
    },
    rows: async () => shown(db.prepare("SELECT * FROM holdfast_sessions").all()),
    async close() {
      db.close();
      rmSync(folder, { recursive: true });
    },
  };
};

const DATABASES = Array.from({ length: 8 }, (_, i) => `DB${i}`);
/** Each store has one of them to itself. */
const free = [...DATABASES];

export const inD1: OpenAStore = async () => {
  const database = free.shift();
  if (database === undefined) throw new Error("More D1 stores are open than there are databases: close some.");
  const db = remoteD1(DATABASES, database);
  const store = d1Store(db);
  await store.read("");
  const all = "SELECT json_object('handle', handle, 'secret', secret_hash, 'entries', entries) FROM holdfast_sessions";
  return {
    store,
    async plant(handle, text) {
      await db.prepare("UPDATE holdfast_sessions SET entries = ? WHERE handle = ?").bind(text, handle).run();
    },
    rows: async () => (await db.prepare(all).raw()).map(String),
    async close() {
      await db.prepare("DROP TABLE holdfast_sessions").run();
      free.push(database);
    },
  };
};

export const inRedis =
  (url: string): OpenAStore =>
  async () => {
    const client = await createClient({ url }).connect();
    const prefix = `${newName()}:`;
    const keys = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const batch of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) found.push(...batch);
      return found;
    };
    return {
      store: redisStore(client, { prefix, onWarning: () => {} }),
      plant: async (handle, text) => void (await client.set(prefix + handle, text, { expiration: "KEEPTTL" })),
      async rows() {
        const records = (await keys()).filter((key) => !key.startsWith(`${prefix}user:`));
        return Promise.all(records.map(async (key) => `${key} ${await client.get(key)}`));
      },
      async close() {
        for (const key of await keys()) await client.del(key);
        await client.close();
      },
    };
  };

export const inPostgres =
  (url: string): OpenAStore =>
  async () => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    const table = newName();
    const store = postgresStore(pool, { table });
    await store.read("");
    return {
      store,
      async plant(handle, text) {
        await pool.query(`UPDATE ${table} SET entries = $1::jsonb WHERE handle = $2`, [text, handle]);
      },
      rows: async () => shown((await pool.query(`SELECT * FROM ${table}`)).rows),
      async close() {
        await pool.query(`DROP TABLE ${table}`);
        await pool.end();
      },
    };
  };

/** MySQL or MariaDB. */
export const inMysql =
  (url: string): OpenAStore =>
  async () => {
    const server = await mysql.createConnection(url);
    const database = newName();
    await server.query(`CREATE DATABASE ${database}`);
    const own = new URL(url);
    own.pathname = database;
    const pool = mysql.createPool({ uri: own.href, connectionLimit: 4 });
    const store = mysqlStore(pool);
    await store.read("");
    return {
      store,
      async plant(handle, text) {
        await pool.query("UPDATE holdfast_sessions SET entries = ? WHERE handle = ?", [text, handle]);
      },
      rows: async () => shown((await pool.query<mysql.RowDataPacket[]>("SELECT * FROM holdfast_sessions"))[0]),
      async close() {
        await pool.end();
        await server.query(`DROP DATABASE ${database}`);
        await server.end();
      },
    };
  };
