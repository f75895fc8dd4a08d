import { randomBytes } from "node:crypto";
import mysql from "mysql2/promise";
import pg from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, vi } from "vitest";
import type { ServerStoreOptions } from "../../../src/sql/options.ts";
import type { IndexedStore } from "../../../src/store.ts";
import { mysqlSchema, mysqlStore } from "../../../src/stores/mysql.ts";
import { postgresSchema, postgresStore } from "../../../src/stores/postgres.ts";

/** How a store's pool connects. */
export interface Connecting {
  /** Of a proxy or a pooler before the server. */
  port?: number;
  /** The most connections. */
  max?: number;
  /** What holds on each connection: options of PostgreSQL's command line, or what MySQL's SET SESSION takes. */
  settings?: string;
}

/** A database of a test file's own, on a real server. */
export interface Database {
  readonly url: string;
  readonly port: number;
  /** A store with a pool of its own. Both end with the test. */
  store(options?: ServerStoreOptions, connecting?: Connecting): IndexedStore;
  /** Runs SQL beside the stores. */
  run(sql: string): Promise<unknown[]>;
  /** Runs it in a transaction, which stays open until the answer is called. */
  lock(sql: string): Promise<() => Promise<void>>;
  readonly schema: typeof postgresSchema;
}

type Pool = { end(): Promise<unknown> };
const pools: Pool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end().catch(() => {})));
});

/** Ends it after the test. */
export function ending<P extends Pool>(pool: P): P {
  pools.push(pool);
  return pool;
}

const newName = (): string => `holdfast_${randomBytes(6).toString("hex")}`;

function own(place: string): URL {
  const url = new URL(place);
  url.pathname = newName();
  return url;
}

const through = (url: URL, port?: number): string => {
  const other = new URL(url);
  if (port) other.port = String(port);
  return other.href;
};

export function postgresDatabase(place: string): Database {
  const url = own(place);
  const server = new pg.Client(place);
  let pool: pg.Pool;
  beforeAll(async () => {
    await server.connect();
    await server.query(`CREATE DATABASE ${url.pathname.slice(1)}`);
    // What a crash could take back, tests needn't wait for.
    await server.query(`ALTER DATABASE ${url.pathname.slice(1)} SET synchronous_commit = off`);
    pool = new pg.Pool({ connectionString: url.href, max: 2 });
  });
  afterAll(async () => {
    await pool.end();
    // The server may see a connection for a moment longer than its client.
    await vi.waitFor(() => server.query(`DROP DATABASE ${url.pathname.slice(1)}`), { timeout: 10_000 });
    await server.end();
  });
  return {
    url: url.href,
    port: Number(url.port),
    store: (options, connecting) => postgresStore(ending(pgPool(url.href, connecting)), options),
    run: async (sql) => (await pool.query(sql)).rows,
    async lock(sql) {
      const connection = await pool.connect();
      await connection.query(`BEGIN; ${sql}`);
      return async () => {
        await connection.query("COMMIT");
        connection.release();
      };
    },
    schema: postgresSchema,
  };
}

export function pgPool(url: string, { port, max, settings }: Connecting = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: through(new URL(url), port), max, options: settings });
  pool.on("error", () => {}); // an idle connection was lost
  return pool;
}

export function postgresJs(url: string, { port, ...options }: Connecting & { prepare?: boolean } = {}): postgres.Sql {
  return postgres(through(new URL(url), port), { onnotice: () => {}, ...options });
}

export function mysqlDatabase(place: string): Database {
  const url = own(place);
  let pool: mysql.Pool;
  beforeAll(async () => {
    pool = mysql.createPool({ uri: place, connectionLimit: 2 });
    await pool.query(`CREATE DATABASE ${url.pathname.slice(1)}`);
    await pool.end();
    pool = mysql.createPool({ uri: url.href, connectionLimit: 2 });
  });
  afterAll(async () => {
    await pool.query(`DROP DATABASE ${url.pathname.slice(1)}`);
    await pool.end();
  });
  return {
    url: url.href,
    port: Number(url.port),
    store: (options, connecting) => mysqlStore(ending(mysqlPool(url.href, connecting)), options),
    run: async (sql) => (await pool.query<mysql.RowDataPacket[]>(sql))[0],
    async lock(sql) {
      const connection = await pool.getConnection();
      await connection.query("BEGIN");
      await connection.query(sql);
      return async () => {
        await connection.query("COMMIT");
        connection.release();
      };
    },
    schema: mysqlSchema,
  };
}

export function mysqlPool(url: string, { port, max, settings }: Connecting = {}): mysql.Pool {
  const pool = mysql.createPool({ uri: through(new URL(url), port), connectionLimit: max ?? 10 });
  if (settings) pool.on("connection", (connection) => void connection.query(`SET SESSION ${settings}`));
  return pool;
}
