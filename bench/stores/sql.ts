/**
 * The SQL stores beside the ones that express-session's users have on the same servers: statements and throughput of a request; bytes a session;
 * what a read, a commit and a swept session cost as the table grows. With sizes (`sql.ts 1000 5000000`) the last alone; of one store, where it is named (`sqlite`).
 */
import { type ChildProcess, fork } from "node:child_process";
import { hash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import autocannon from "autocannon";
import type { IndexedStore, SessionRecord } from "holdfast";
import { mysqlStore } from "holdfast/stores/mysql";
import { postgresStore } from "holdfast/stores/postgres";
import { sqliteStore } from "holdfast/stores/sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import { median, table } from "../report.ts";
import { DATA } from "./data.ts";

const ROUNDS = 5;
const REQUESTS = 3000;
const KINDS = ["untouched", "read", "write"] as const;
const SECRET = `1:${"s".repeat(43)}`;
const sizes = process.argv.slice(2).map(Number).filter(Number.isFinite);
const named = process.argv.slice(2).filter((each) => Number.isNaN(Number(each)));

const name = `holdfast_bench_${randomBytes(4).toString("hex")}`;
const postgresServer = new URL(process.env.HOLDFAST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/postgres");
const mariadbServer = new URL(process.env.HOLDFAST_MARIADB_URL ?? "mysql://root@127.0.0.1:3306");
const inDatabase = (server: URL): string =>
  new URL(name, `${server.protocol}//${server.username}@${server.host}/`).href;

const admin = new pg.Pool({ connectionString: postgresServer.href, max: 1 });
await admin.query(`CREATE DATABASE ${name}`);
const pool = new pg.Pool({ connectionString: inDatabase(postgresServer), max: 1 });
const mariadb = await mysql.createConnection(mariadbServer.href);
await mariadb.query(`CREATE DATABASE ${name}`);
await mariadb.query(`USE ${name}`);
const mariadbPool = mysql.createPool({ uri: inDatabase(mariadbServer), connectionLimit: 1 });
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));

try {
  if (sizes.length === 0) {
    await requests();
    await bytes();
  }
  await growth(sizes.length > 0 ? sizes : [1000, 100_000]);
} finally {
  await pool.end();
  await mariadbPool.end();
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.end();
  await mariadb.query(`DROP DATABASE ${name}`);
  await mariadb.end();
  rmSync(folder, { recursive: true });
}

async function requests(): Promise<void> {
  const servers = await Promise.all([
    serve("holdfast/stores/postgres", inDatabase(postgresServer)),
    serve("connect-pg-simple", inDatabase(postgresServer)),
    serve("holdfast/stores/mysql", inDatabase(mariadbServer)),
    serve("express-mysql-session", inDatabase(mariadbServer)),
  ]);
  const rates: Record<string, number[]> = {};
  const statements: Record<string, number> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const kind of KINDS) {
      for (const { variant, url, cookies, sent } of servers) {
        const before = await sent();
        let next = 0;
        let wrong = 0;
        const began = performance.now();
        let last = began;
        const { errors } = await autocannon({
          url,
          connections: 8,
          amount: REQUESTS,
          // Many sessions, as servers have: with one all writers would wait for each other's row.
          requests: [
            {
              path: `/${kind}`,
              onResponse(_status, body) {
                if (body !== "ok") wrong++;
                last = performance.now(); // autocannon itself tells whole seconds
              },
              setupRequest: (request) => {
                const cookie = cookies[next++ % cookies.length];
                return { ...request, headers: { ...request.headers, cookie } };
              },
            },
          ],
        });
        if (errors + wrong > 0) throw new Error(`${variant} ${kind}: wrong answers`);
        statements[`${variant} ${kind}`] = ((await sent()) - before) / REQUESTS;
        rates[`${variant} ${kind}`] ??= [];
        if (round > 0) rates[`${variant} ${kind}`]!.push((1000 * REQUESTS) / (last - began));
      }
    }
  }
  await Promise.all(
    servers.map(({ child }) => {
      child.disconnect();
      return once(child, "exit");
    }),
  );
  const rows = KINDS.flatMap((kind) =>
    servers.map(({ variant }) => ({
      request: kind,
      store: variant,
      statements: statements[`${variant} ${kind}`]!.toFixed(2),
      "requests/s": median(rates[`${variant} ${kind}`]!).toFixed(0),
    })),
  );
  table(`Requests to Express 5, 8 at a time (median of ${ROUNDS} rounds of ${REQUESTS})`, rows);
}

interface Served {
  readonly variant: string;
  readonly child: ChildProcess;
  readonly url: string;
  readonly cookies: string[];
  sent(): Promise<number>;
}

async function serve(variant: string, database: string): Promise<Served> {
  const child = fork(new URL("sql-server.ts", import.meta.url), [variant, database]);
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`The server with ${variant} ended.`)));
  const [port] = await Promise.race([once(child, "message"), ended]);
  ended.catch(() => {}); // as it does when we leave it
  const url = `http://127.0.0.1:${port}`;
  const cookies: string[] = [];
  for (let i = 0; i < 200; i++) {
    const begun = await fetch(`${url}/begin`);
    cookies.push(begun.headers.getSetCookie()[0]!.split(";")[0]!);
  }
  const sent = async () => {
    child.send("statements");
    return (await once(child, "message"))[0] as number;
  };
  return { variant, child, url, cookies, sent };
}

/** As sessions are: random handles, four entries, and a user in every second one. */
function newRecord(i: number): SessionRecord {
  const now = Date.now();
  const times = { createdAt: now, touchedAt: now, expiresAt: now + 3_600_000 };
  const entries = new Map(Object.entries(DATA).map(([name, value]) => [name, JSON.stringify(value)]));
  const user = i % 2 ? { userId: randomBytes(12).toString("hex"), authenticatedAt: now } : {};
  return { secretHash: `1:${randomBytes(32).toString("base64url")}`, entries, ...times, ...user, version: 1 };
}

async function bytes(): Promise<void> {
  const COUNT = 20_000;
  const path = join(folder, "sessions.db");
  const stores = { postgres: postgresStore(pool), mysql: mysqlStore(mariadbPool), sqlite: sqliteStore(path) };
  const sizeOf: Record<keyof typeof stores, () => Promise<number>> = {
    postgres: () => postgresSize("holdfast_sessions"),
    mysql: () => mariadbSize("holdfast_sessions"),
    async sqlite() {
      new DatabaseSync(path).exec("PRAGMA wal_checkpoint(TRUNCATE)");
      return statSync(path).size;
    },
  };
  const rows: { store: string; "bytes a session": string }[] = [];
  const add = (store: string, size: number) => rows.push({ store, "bytes a session": (size / COUNT).toFixed(0) });
  await pool.query("TRUNCATE holdfast_sessions");
  await mariadb.query("TRUNCATE holdfast_sessions");
  for (const store of ["postgres", "mysql", "sqlite"] as const) {
    for (let i = 0; i < COUNT; i++) await stores[store].create(randomBytes(16).toString("base64url"), newRecord(i));
    add(`holdfast/stores/${store}`, await sizeOf[store]());
  }
  const cookie = { originalMaxAge: 3_600_000, expires: new Date(), httpOnly: true, path: "/" };
  const json = JSON.stringify({ cookie, ...DATA });
  const sid = () => randomBytes(24).toString("base64url");
  await pool.query("TRUNCATE session");
  await mariadb.query("TRUNCATE sessions");
  for (let i = 0; i < COUNT; i += 100) {
    const sids = Array.from({ length: 100 }, sid);
    await pool.query("INSERT INTO session SELECT sid, $1, now() FROM unnest($2::text[]) sid", [json, sids]);
    await mariadb.query("INSERT INTO sessions VALUES ?", [sids.map((sid) => [sid, 1_800_000_000, json])]);
  }
  add("connect-pg-simple", await postgresSize("session"));
  add("express-mysql-session", await mariadbSize("sessions"));
  await Promise.all(Object.values(stores).map((store) => store.close()));
  table(
    `Disk, indexes included (${COUNT} sessions; ${Buffer.byteLength(JSON.stringify(DATA))} bytes of JSON in each)`,
    rows,
  );
}

async function postgresSize(table: string): Promise<number> {
  return Number((await pool.query(`SELECT pg_total_relation_size('${table}') AS size`)).rows[0].size);
}

async function mariadbSize(table: string): Promise<number> {
  await mariadb.query(`ANALYZE TABLE ${table}`);
  const sizes =
    "SELECT data_length + index_length AS size FROM information_schema.tables WHERE table_schema = ? AND table_name = ?";
  const [rows] = await mariadb.query<mysql.RowDataPacket[]>(sizes, [name, table]);
  return Number(rows[0]!.size);
}

async function growth(sizes: readonly number[]): Promise<void> {
  const path = join(folder, "growth.db");
  const stores: Record<Growing, IndexedStore> = {
    postgres: postgresStore(pool),
    mysql: mysqlStore(mariadbPool),
    sqlite: sqliteStore(path),
  };
  for (const store of Object.values(stores)) await store.read("the first creates the table");
  const file = new DatabaseSync(path);
  file.function("md5", (i) => hash("md5", String(i)));
  const run: Record<Growing, (sql: string, values?: string[]) => Promise<unknown>> = {
    postgres: (sql, values) => pool.query(sql, values),
    mysql: (sql, values) => mariadb.query(sql, values),
    sqlite: async (sql, values = []) => file.prepare(sql).run(...values),
  };
  const servers = (["postgres", "mysql", "sqlite"] as const).filter(
    (name) => named.length === 0 || named.includes(name),
  );
  for (const size of sizes) {
    for (const server of servers) {
      const handles = await fill(server, run[server], size);
      const store = stores[server];
      const some = Array.from({ length: 2000 }, () => handles(Math.floor(Math.random() * size)));
      const read = await eachTakes(some, (handle) => store.read(handle));
      const times = () => ({ touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });
      const commit = await eachTakes(some, (handle) =>
        store.update(handle, { set: new Map([["views", "1"]]), ...times() }, { secretHash: SECRET }),
      );
      const due = Math.min(size / 2, 10_000);
      const expired = Array.from({ length: due }, (_, i) => `'${handles(i)}'`);
      const expire = `UPDATE holdfast_sessions SET expires_at = 1, sweep_at = 1 WHERE handle IN (${expired})`;
      await run[server](expire);
      const began = performance.now();
      const swept = await store.sweep(Date.now());
      const sweep = (1000 * (performance.now() - began)) / swept;
      const began2 = performance.now();
      await store.sweep(Date.now());
      const idle = performance.now() - began2;
      const row = {
        sessions: size,
        server,
        "read µs": read.toFixed(0),
        "commit µs": commit.toFixed(0),
        "sweep µs a session": sweep.toFixed(0),
        "sweep of none ms": idle.toFixed(1),
      };
      table(`One at a time, with ${size} sessions (medians)`, [row]); // at once: larger tables take minutes
    }
  }
}

type Growing = "postgres" | "mysql" | "sqlite";

/** Fills the table by the database itself; answers how the handles go. */
async function fill(
  server: Growing,
  run: (sql: string, values?: string[]) => Promise<unknown>,
  size: number,
): Promise<(i: number) => string> {
  const later = Date.now() + 3_600_000;
  const entries = JSON.stringify(Object.fromEntries(Object.entries(DATA).map(([k, v]) => [k, JSON.stringify(v)])));
  const row = (i: string) =>
    `substr(md5(${i}), 1, 22), '${SECRET}', NULL, NULL, CASE WHEN i % 2 = 0 THEN md5(${i}) END, 1, NULL, 1, ${later} + i, ${later} + i, 1`;
  const [empty, insert, analyze] = {
    postgres: [
      "TRUNCATE holdfast_sessions",
      `SELECT ${row("i::text")}, $1::jsonb FROM generate_series(0, ${size - 1}) i`,
      "VACUUM ANALYZE holdfast_sessions",
    ],
    mysql: [
      "TRUNCATE holdfast_sessions",
      `SELECT ${row("i")}, ? FROM (SELECT seq AS i FROM seq_0_to_${size - 1}) n ORDER BY 1`,
      "ANALYZE TABLE holdfast_sessions",
    ],
    sqlite: [
      "DELETE FROM holdfast_sessions",
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${size - 1}) SELECT ${row("i")}, ? FROM n ORDER BY 1`,
      "ANALYZE",
    ],
  }[server] as [string, string, string];
  await run(empty);
  await run(`INSERT INTO holdfast_sessions ${insert}`, [entries]);
  await run(analyze);
  return (i) => hash("md5", String(i)).slice(0, 22);
}

async function eachTakes(handles: readonly string[], run: (handle: string) => unknown): Promise<number> {
  const taken: number[] = [];
  for (const handle of handles) {
    const began = performance.now();
    await run(handle);
    taken.push(1000 * (performance.now() - began));
  }
  return median(taken);
}
