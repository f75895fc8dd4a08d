import { hash } from "node:crypto";
import { type Encoding, jsonOf } from "../sql/entries.ts";
import { failure } from "../sql/failure.ts";
import { checked, demandMethod, type ServerStoreOptions, type TableOptions } from "../sql/options.ts";
import { missingIndexes, wrongClock } from "../sql/problems.ts";
import { COLUMNS, listOf, recordOf, rowOf, type Value } from "../sql/record.ts";
import { type Diagnosis, MARK, operationsOn, strange } from "../sql/server.ts";
import type { IndexedStore } from "../store.ts";

/** What the store needs of a `Pool` of pg. */
export interface PgPool {
  query(query: PgQuery): Promise<{ rows: unknown[][] }>;
}

export interface PgQuery {
  text: string;
  values?: Value[];
  name?: string;
  rowMode: "array";
  query_timeout: number;
}

/** What the store needs of postgres.js. */
export interface PostgresJs {
  unsafe(text: string, values: Value[], options: { prepare: boolean }): { values(): PromiseLike<Iterable<unknown[]>> };
}

/**
 * Sessions in PostgreSQL 12 and later, through a `Pool` of pg or through postgres.js. A read is one statement, and so is a commit: they
 * work at any isolation level, and through PgBouncer in transaction mode. The first operation creates the table where there is none. The
 * pool is the app's, and stays open when the store is closed.
 *
 * The clock is that of the process that asks: where clocks differ by a second, a session ends a second earlier for some.
 *
 * Throws `option-unknown` and `option-invalid`; the operations throw `store-failed`, `store-locked`, `store-readonly`, `store-full`,
 * `store-corrupt` and `store-closed`.
 *
 * ```ts
 * import pg from "pg";
 * import { postgresStore } from "holdfast/stores/postgres";
 *
 * const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
 * const sessions = createSessions({ store: postgresStore(pool) });
 * ```
 */
export function postgresStore(client: PgPool | PostgresJs, options: ServerStoreOptions = {}): IndexedStore {
  demandMethod("postgresStore", client, ["query", "unsafe"], "a Pool of pg or a postgres.js client");
  const { name: table, migrate, queryTimeout } = checked("postgresStore", options, '"');
  const sql = statements(table);
  const query = queryOf(client, queryTimeout);
  const { run, close } = operationsOn({ name: `The table ${table}`, prepare, diagnose });

  async function prepare(): Promise<void> {
    if (!migrate) return;
    const [[exists, mark]] = (await query(sql.look, [table])) as [[boolean, string | null]];
    if (exists && mark !== MARK) throw failure("store-corrupt", strange(table, mark), "open");
    if (!exists) await query(postgresSchema({ table: options.table, schema: options.schema }));
  }

  return {
    read: (handle) =>
      run("read", async () => {
        const [row] = await query(sql.read, [handle, Date.now()]);
        return row && recordOf(row, ENCODING);
      }),

    create: (handle, record) =>
      run("create", async () => {
        const created = await query(sql.create, rowOf(handle, record, ENCODING));
        return created.length === 1 ? "created" : "exists";
      }),

    update: (handle, change, { secretHash, ifVersion = null }) =>
      run("update", async () => {
        const { set, remove, rotate, userId, authenticatedAt = null, touchedAt, expiresAt } = change;
        const patch = set?.size || remove?.length ? jsonOf(set ?? [], remove, ENCODING) : null;
        const user = userId === undefined ? null : ENCODING.encode(userId);
        const secrets = [rotate?.secretHash ?? null, rotate?.graceUntil ?? null];
        const guard = [handle, Date.now(), secretHash];
        const values = [...guard, ifVersion, patch, ...secrets, user, authenticatedAt, touchedAt, expiresAt];
        const [row] = await query(sql.update, values);
        if (row) return { status: "updated", version: Number(row[0]) };
        if (ifVersion === null) return { status: "gone" };
        return { status: (await query(sql.admits, guard)).length === 1 ? "conflict" : "gone" };
      }),

    delete: (handle) => run("delete", async () => (await query(sql.delete, [handle])).some(isLive)),

    async sweep(now) {
      let swept = 0;
      for (;;) {
        const [row] = await run("sweep", () => query(sql.sweep, [now]));
        const [seen, expired] = row!.map(Number) as [number, number];
        swept += expired;
        if (seen < BATCH) return swept;
      }
    },

    problems: () =>
      run("problems", async () => {
        const rows = await query(sql.indexes, [table]);
        const [[clock]] = (await query(sql.clock)) as [[unknown]];
        return [...missingIndexes(table, rows.map(String)), ...wrongClock(Number(clock))];
      }),

    close,

    list: (userId) =>
      run("list", async () => {
        const rows = await query(sql.list, [ENCODING.encode(userId), Date.now()]);
        return listOf(rows, ENCODING);
      }),

    deleteAll: (userId, { except = null } = {}) =>
      run("deleteAll", async () => {
        const rows = await query(sql.deleteAll, [ENCODING.encode(userId), except]);
        return rows.filter(isLive).map(([, handle]) => handle as string);
      }),
  };
}

/**
 * The SQL that creates the table, for migrations of your own; then give the store `migrate: false`.
 *
 * Several processes may run it at once, as one query. It is one transaction.
 */
export function postgresSchema(options: TableOptions = {}): string {
  const { name: table, index } = checked("postgresSchema", options, '"');
  // The hash index holds user ids of any length. The fill factor leaves room for an update beside what it replaces: no index is touched then.
  // The lock is for processes that start at once: by itself, IF NOT EXISTS fails for some of them.
  return `SELECT pg_advisory_xact_lock(${LOCK});
CREATE TABLE IF NOT EXISTS ${table} (
  handle text COLLATE "C" NOT NULL PRIMARY KEY,
  secret_hash text NOT NULL,
  previous_hash text,
  grace_until bigint,
  user_id text,
  created_at bigint NOT NULL,
  authenticated_at bigint,
  touched_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  sweep_at bigint NOT NULL,
  version bigint NOT NULL,
  entries jsonb NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS ${index("user")} ON ${table} USING hash (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS ${index("sweep")} ON ${table} (sweep_at);
COMMENT ON TABLE ${table} IS '${MARK}';
`;
}

/** Any number that no other program is likely to choose. */
const LOCK = 8_241_991_163;

/** How many rows a step of the sweep looks at: some ten milliseconds' work. */
const BATCH = 1000;

function statements(table: string) {
  const columns = COLUMNS.replace("entries", "entries::text");
  const guard = "handle = $1 AND expires_at > $2 AND ($3 = secret_hash OR $3 = previous_hash AND grace_until > $2)";
  return {
    look: `SELECT to_regclass($1) IS NOT NULL, obj_description(to_regclass($1), 'pg_class')`,
    read: `SELECT ${columns} FROM ${table} WHERE handle = $1 AND expires_at > $2`,
    create: `INSERT INTO ${table} (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::jsonb)
      ON CONFLICT DO NOTHING RETURNING version`,
    update: `UPDATE ${table} SET
        entries = CASE WHEN $5::text IS NULL THEN entries ELSE jsonb_strip_nulls(entries || $5::text::jsonb) END,
        previous_hash = CASE WHEN $6::text IS NULL THEN previous_hash ELSE secret_hash END,
        secret_hash = coalesce($6, secret_hash), grace_until = coalesce($7, grace_until),
        user_id = coalesce($8, user_id), authenticated_at = coalesce($9, authenticated_at),
        touched_at = $10, expires_at = $11, sweep_at = least(sweep_at, $11), version = version + 1
      WHERE ${guard} AND version = coalesce($4, version) RETURNING version`,
    indexes: "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass($1) AND indisvalid",
    clock: "SELECT extract(epoch FROM clock_timestamp()) * 1000",
    admits: `SELECT version FROM ${table} WHERE ${guard}`,
    delete: `DELETE FROM ${table} WHERE handle = $1 RETURNING expires_at`,
    // It locks first, and what it has locked is as it is now: what is extended meanwhile is either skipped or seen.
    sweep: `WITH due AS MATERIALIZED (
        SELECT handle, expires_at FROM ${table} WHERE sweep_at <= $1 ORDER BY sweep_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
      ), swept AS (
        DELETE FROM ${table} s USING due WHERE s.handle = due.handle AND due.expires_at <= $1
      ), postponed AS (
        UPDATE ${table} s SET sweep_at = due.expires_at FROM due WHERE s.handle = due.handle AND due.expires_at > $1
      ) SELECT count(*), count(*) FILTER (WHERE expires_at <= $1) FROM due`,
    list: `SELECT ${columns} FROM ${table} WHERE user_id = $1 AND expires_at > $2 ORDER BY touched_at DESC`,
    // In the order of handles, so that two of them don't lock each other out.
    deleteAll: `WITH doomed AS MATERIALIZED (
        SELECT handle FROM ${table} WHERE user_id = $1 AND handle IS DISTINCT FROM $2 ORDER BY handle FOR UPDATE
      ) DELETE FROM ${table} s USING doomed WHERE s.handle = doomed.handle RETURNING s.expires_at, s.handle`,
  };
}

const isLive = ([expiresAt]: readonly unknown[]): boolean => Number(expiresAt) > Date.now();

/** PostgreSQL has no NUL in a text. */
const ENCODING: Encoding = {
  encode: (text) => text.replaceAll("\u0001", "\u00011").replaceAll("\0", "\u00010"),
  decode: (text) => text.replaceAll("\u00010", "\0").replaceAll("\u00011", "\u0001"),
};

type Query = (text: string, values?: Value[]) => Promise<unknown[][]>;

function queryOf(client: PgPool | PostgresJs, timeout: number): Query {
  if ("unsafe" in client)
    return async (text, values = []) => [...(await client.unsafe(text, values, { prepare: true }).values())];

  let prepares = true;
  return async (text, values) => {
    const query = { text, values, rowMode: "array", query_timeout: timeout } as const;
    if (values && prepares)
      try {
        return (await client.query({ ...query, name: nameOf(text) })).rows;
      } catch (error) {
        // A pooler has come between that knows nothing of prepared statements. The server didn't get to run this one.
        if (!UNPREPARED.includes((error as { code?: string }).code ?? "")) throw error;
        prepares = false;
      }
    return (await client.query(query)).rows;
  };
}

/** A prepared statement is not there, or is there already. */
const UNPREPARED = ["26000", "42P05"];

/** By its text: behind a pooler, other releases and other tables may have prepared theirs on the same connection. */
const nameOf = (text: string): string => `holdfast_${hash("sha256", text).slice(0, 32)}`;

const FAILURES: Readonly<Record<string, Diagnosis>> = {
  "40001": "undone", // serialization failure
  "40P01": "undone", // deadlock
  "55P03": ["store-locked", "stayed locked for longer than the server's lock_timeout. Look for long transactions."],
  "25006": ["store-readonly", "can't be written to: the server is a standby, or its transactions are read-only."],
  "53100": ["store-full", "can't grow: the server's disk is full."],
  "54000": ["store-full", "can't hold a session that large."],
  "42P01": ["store-failed", "is not there. Run the SQL of postgresSchema(), or leave out `migrate: false`."],
  "42501": ["store-failed", "is not this user's to read and write. See the cause, and GRANT what is missing."],
  XX001: ["store-corrupt", "is damaged. Restore it."],
  XX002: ["store-corrupt", "has a damaged index. REINDEX it."],
  CONNECTION_ENDED: ["store-closed", "can't be reached: the app has closed the client."],
};

function diagnose(error: unknown): Diagnosis | undefined {
  const { code = "", message } = error as { code?: string; message?: string };
  if (message?.startsWith("Cannot use a pool after calling end")) return FAILURES.CONNECTION_ENDED;
  return FAILURES[code];
}
