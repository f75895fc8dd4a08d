import { Buffer } from "node:buffer";
import { jsonOf } from "../sql/entries.ts";
import { failure } from "../sql/failure.ts";
import { checked, demandMethod, type ServerStoreOptions, type TableOptions } from "../sql/options.ts";
import { missingIndexes, wrongClock } from "../sql/problems.ts";
import { COLUMNS, listOf, recordOf, rowOf, type Value } from "../sql/record.ts";
import { type Diagnosis, MARK, operationsOn, strange } from "../sql/server.ts";
import type { IndexedStore } from "../store.ts";

/** What the store needs of a pool of mysql2/promise. */
export interface MysqlPool {
  getConnection(): Promise<MysqlConnection>;
}

export interface MysqlConnection {
  execute(statement: MysqlStatement): Promise<[result: unknown, fields: unknown]>;
  query(sql: string): Promise<unknown>;
  release(): void;
  destroy(): void;
}

export interface MysqlStatement {
  sql: string;
  values: Value[];
  rowsAsArray: boolean;
  nestTables: boolean;
  typeCast: boolean;
}

/**
 * Sessions in MySQL 8.0.3 or MariaDB 10.6 and later (tested on MySQL 9.7 and MariaDB 10.11), through a pool of mysql2/promise. A read is one
 * statement, and so is a commit, at any isolation level. The first operation creates the table where there is none. The pool is the app's,
 * and stays open when the store is closed.
 *
 * The clock is that of the process that asks: where clocks differ by a second, a session ends a second earlier for some.
 *
 * Throws `option-unknown` and `option-invalid`; the operations throw `store-failed`, `store-locked`, `store-readonly`, `store-full`,
 * `store-corrupt` and `store-closed`.
 *
 * ```ts
 * import mysql from "mysql2/promise";
 * import { mysqlStore } from "holdfast/stores/mysql";
 *
 * const pool = mysql.createPool(process.env.DATABASE_URL!);
 * const sessions = createSessions({ store: mysqlStore(pool) });
 * ```
 */
export function mysqlStore(pool: MysqlPool, options: ServerStoreOptions = {}): IndexedStore {
  demandMethod("mysqlStore", pool, ["getConnection"], "a pool of mysql2/promise");
  const { name, table, schema = null, index, migrate, queryTimeout } = checked("mysqlStore", options, "`");
  const sql = statements(name, index("user"));
  const { run, close } = operationsOn({ name: `The table ${name}`, prepare, diagnose });

  /**
   * Does the step on a connection, and drops one that it failed on, or that left it without an answer: a transaction may be open there, or
   * the answer still to come. (mysql2's own `timeout` doesn't cover the preparing of a statement.)
   */
  async function using<T>(step: (connection: MysqlConnection) => Promise<T>): Promise<T> {
    const connection = await pool.getConnection();
    const { promise: silence, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(reject, queryTimeout, new Error(`No answer within ${queryTimeout} ms.`));
    try {
      const result = await Promise.race([step(connection), silence]);
      connection.release();
      return result;
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async function execute(connection: MysqlConnection, text: string, values: Value[]): Promise<unknown> {
    const [result] = await connection.execute({ sql: text, values, ...FORM });
    return result;
  }

  /** The bytes of binary columns as text. */
  async function select(connection: MysqlConnection, text: string, values: Value[]): Promise<unknown[][]> {
    const rows = (await execute(connection, text, values)) as unknown[][];
    return rows.map((row) => row.map((value) => (Buffer.isBuffer(value) ? value.toString() : value)));
  }

  const query = (text: string, values: Value[]) => using((connection) => select(connection, text, values));

  const write = (text: string, values: Value[]) =>
    using(async (connection) => {
      const done = (await execute(connection, text, values)) as Done;
      if (done.serverStatus & IN_TRANSACTION) throw new Error(UNCOMMITTED);
      return done;
    });

  async function prepare(): Promise<void> {
    const [[mark, ...charsets]] = (await query(sql.look, [schema, table])) as [[mark: string | null, ...string[]]];
    // With another one the server would put question marks for what it lacks, without a word.
    if (charsets.some((charset) => charset !== "utf8mb4")) throw failure("store-failed", NOT_UTF8, "open");
    if (!migrate || mark === MARK) return;
    if (mark !== null) throw failure("store-corrupt", strange(name, mark), "open");
    await write(mysqlSchema({ table, schema: options.schema }), []);
  }

  return {
    read: (handle) =>
      run("read", async () => {
        const [row] = await query(sql.read, [handle, Date.now()]);
        return row && recordOf(row);
      }),

    create: (handle, record) =>
      run("create", () =>
        using((connection) =>
          execute(connection, sql.create, rowOf(handle, record)).then(
            () => "created" as const,
            (error) => {
              if (error.errno === DUPLICATE) return "exists";
              throw error;
            },
          ),
        ),
      ),

    update: (handle, change, { secretHash, ifVersion = null }) =>
      run("update", async () => {
        const { set, remove, rotate, userId = null, authenticatedAt = null, touchedAt, expiresAt } = change;
        const patch = set?.size || remove?.length ? jsonOf(set ?? [], remove) : null;
        const patches = remove?.length ? [null, patch] : [patch, null];
        const hash = rotate?.secretHash ?? null;
        const secrets = [hash, hash, rotate?.graceUntil ?? null];
        const use = [userId, authenticatedAt, touchedAt, expiresAt, expiresAt];
        const now = Date.now();
        const guard = [handle, now, secretHash, secretHash, now];
        const { affectedRows, insertId } = await write(sql.update, [
          ...patches.flatMap((each) => [each === null ? 0 : 1, each]),
          ...secrets,
          ...use,
          ...guard,
          ifVersion,
        ]);
        if (affectedRows === 1) return { status: "updated", version: Number(insertId) };
        if (ifVersion === null) return { status: "gone" };
        return { status: (await query(sql.admits, guard)).length === 1 ? "conflict" : "gone" };
      }),

    delete: (handle) =>
      run("delete", async () => {
        if ((await write(sql.deleteLive, [handle, Date.now()])).affectedRows === 1) return true;
        await write(sql.delete, [handle]);
        return false;
      }),

    async sweep(now) {
      let swept = 0;
      for (;;) {
        const expired = await run("sweep", () => write(sql.sweep, [now, now]));
        const extended = await run("sweep", () => write(sql.postpone, [now, now]));
        swept += expired.affectedRows;
        if (expired.affectedRows + extended.affectedRows < BATCH) return swept;
      }
    },

    problems: () =>
      run("problems", async () => {
        const rows = await query(sql.indexes, [schema, table]);
        const [[clock]] = (await query(sql.clock, [])) as [[unknown]];
        return [...missingIndexes(name, rows.map(String)), ...wrongClock(Number(clock))];
      }),

    close,

    list: (userId) =>
      run("list", async () => {
        const rows = await query(sql.list, [userId, Date.now()]);
        return listOf(rows);
      }),

    // MySQL, unlike MariaDB, can't say what it deletes.
    deleteAll: (userId, { except = null } = {}) =>
      run("deleteAll", () =>
        using(async (connection) => {
          await connection.query("START TRANSACTION");
          const doomed = await select(connection, sql.doomed, [userId, except]);
          for (let first = 0; first < doomed.length; first += MANY) {
            // The last ones fill up with repetitions: one text is prepared once.
            const handles = Array.from({ length: MANY }, (_, i) => doomed.at(first + i) ?? doomed.at(-1)!).map(
              ([handle]) => handle as string,
            );
            await execute(connection, sql.deleteMany, [userId, ...handles]);
          }
          await connection.query("COMMIT");
          return doomed.filter(isLive).map(([handle]) => handle as string);
        }),
      ),
  };
}

/** The SQL that creates the table, for migrations of your own; then give the store `migrate: false`. */
export function mysqlSchema(options: TableOptions = {}): string {
  const { name, index } = checked("mysqlSchema", options, "`");
  // Bytes, not characters: a collation would take some user ids for the same, and trailing spaces for none.
  return `CREATE TABLE IF NOT EXISTS ${name} (
  handle VARBINARY(255) NOT NULL PRIMARY KEY,
  secret_hash VARBINARY(255) NOT NULL,
  previous_hash VARBINARY(255),
  grace_until BIGINT,
  user_id MEDIUMBLOB,
  created_at BIGINT NOT NULL,
  authenticated_at BIGINT,
  touched_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  sweep_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  entries LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  KEY ${index("user")} (user_id(64)),
  KEY ${index("sweep")} (sweep_at)
) ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, COMMENT = '${MARK}'`;
}

/** How many rows a step of the sweep looks at: some ten milliseconds' work. */
const BATCH = 1000;

/** How many rows a statement of deleteAll removes. */
const MANY = 50;

function statements(table: string, userIndex: string) {
  const guard = "handle = ? AND expires_at > ? AND (secret_hash = ? OR previous_hash = ? AND grace_until > ?)";
  // A derived table with a limit is read first, once. Its rows stay locked, and `s` shows them as they are now. Without the hints a small
  // table would be scanned, and the scan wait for rows that others hold.
  const due = `(
      SELECT handle FROM ${table} WHERE sweep_at <= ? ORDER BY sweep_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ) due STRAIGHT_JOIN ${table} s FORCE INDEX (PRIMARY) ON s.handle = due.handle`;
  return {
    look: `SELECT (SELECT table_comment FROM information_schema.tables
        WHERE table_schema = coalesce(?, DATABASE()) AND table_name = ?),
      @@character_set_client, @@character_set_connection, @@character_set_results`,
    read: `SELECT ${COLUMNS} FROM ${table} WHERE handle = ? AND expires_at > ?`,
    create: `INSERT INTO ${table} (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    // MariaDB's json_merge_patch looks for a member where it found the one before, and not from the patch's beginning, until it has kept one: what it
    // removes first makes it overlook others. So a member comes first that it keeps, and that no entry's name can be, and goes last.
    // What LAST_INSERT_ID is given comes back with the count of rows. Assignments may see each other, from left to right.
    // A merge that outgrows max_allowed_packet is NULL in MySQL, and where sql_mode isn't strict that would be stored as an empty text.
    update: `UPDATE /*+ SET_VAR(sql_mode = 'STRICT_ALL_TABLES') */ ${table} SET
        entries = CASE
          WHEN ? = 1 THEN json_merge_patch(entries, CAST(? AS CHAR))
          WHEN ? = 1 THEN json_merge_patch('{"%":0}', entries, CAST(? AS CHAR), '{"%":null}')
          ELSE entries END,
        previous_hash = CASE WHEN ? IS NULL THEN previous_hash ELSE secret_hash END,
        secret_hash = coalesce(?, secret_hash), grace_until = coalesce(?, grace_until),
        user_id = coalesce(?, user_id), authenticated_at = coalesce(?, authenticated_at),
        touched_at = ?, expires_at = ?, sweep_at = least(sweep_at, ?), version = last_insert_id(version + 1)
      WHERE ${guard} AND version = coalesce(?, version)`,
    indexes: `SELECT column_name FROM information_schema.statistics
      WHERE table_schema = coalesce(?, DATABASE()) AND table_name = ? AND seq_in_index = 1`,
    clock: "SELECT unix_timestamp(now(3)) * 1000",
    admits: `SELECT version FROM ${table} WHERE ${guard}`,
    deleteLive: `DELETE FROM ${table} WHERE handle = ? AND expires_at > ?`,
    delete: `DELETE FROM ${table} WHERE handle = ?`,
    sweep: `DELETE s FROM ${due} WHERE s.expires_at <= ?`,
    postpone: `UPDATE ${due} SET s.sweep_at = s.expires_at WHERE s.expires_at > ?`,
    list: `SELECT ${COLUMNS} FROM ${table} WHERE user_id = ? AND expires_at > ? ORDER BY touched_at DESC`,
    // Without the hints the servers sometimes go through the whole table, and wait for rows of other users.
    doomed: `SELECT handle, expires_at FROM ${table} FORCE INDEX (${userIndex})
      WHERE user_id = ? AND NOT (handle <=> ?) ORDER BY handle FOR UPDATE`,
    deleteMany: `DELETE s FROM ${table} s FORCE INDEX (${userIndex}) WHERE user_id = ? AND handle IN (${Array(MANY).fill("?")})`,
  };
}

const isLive = ([, expiresAt]: readonly unknown[]): boolean => Number(expiresAt) > Date.now();

/** How rows come, whatever form the app has chosen for its own. */
const FORM = { rowsAsArray: true, nestTables: false, typeCast: true };

/** The answer to a statement that returns no rows. */
interface Done {
  readonly affectedRows: number;
  readonly insertId: number;
  readonly serverStatus: number;
}

/** SERVER_STATUS_IN_TRANS: the statement isn't committed. */
const IN_TRANSACTION = 1;

const UNCOMMITTED = "A transaction was left open on this connection, or the pool's connections have autocommit off.";
const NOT_UTF8 = "The pool's connections must use the charset utf8mb4, which is mysql2's default.";

const DUPLICATE = 1062;

const READONLY: Diagnosis = ["store-readonly", "can't be written to: the server is a replica, or read-only."];
const FULL: Diagnosis = ["store-full", "can't grow: the server's disk or the table is full."];
const LARGE: Diagnosis = ["store-full", "can't take a session that large. Raise the server's max_allowed_packet."];

/** By the server's error number; the same in MySQL and MariaDB. */
const FAILURES: Readonly<Record<number, Diagnosis>> = {
  1213: "undone", // deadlock
  1020: "undone", // MariaDB's innodb_snapshot_isolation
  1205: ["store-locked", "stayed locked for innodb_lock_wait_timeout. Look for long transactions."],
  1290: READONLY,
  1792: READONLY,
  1836: READONLY,
  1021: FULL,
  1114: FULL,
  1153: LARGE,
  1301: LARGE, // by a merge
  1146: ["store-failed", "is not there. Run the SQL of mysqlSchema(), or leave out `migrate: false`."],
  1176: ["store-failed", "lacks an index. Create it as the SQL of mysqlSchema() does."],
  1142: ["store-failed", "is not this user's to read and write. See the cause, and GRANT what is missing."],
  1034: ["store-corrupt", "is damaged. Restore it."],
  1194: ["store-corrupt", "is damaged. Restore it."],
};

function diagnose(error: unknown): Diagnosis | undefined {
  const { errno = 0, message } = error as { errno?: number; message?: string };
  if (message === "Pool is closed.") return ["store-closed", "can't be reached: the app has closed the pool."];
  return FAILURES[errno];
}
