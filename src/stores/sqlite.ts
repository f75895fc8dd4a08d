import { resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate, setTimeout } from "node:timers/promises";
import { HoldfastError, isHoldfastError } from "../errors.ts";
import { failure, type StoreCode } from "../sql/failure.ts";
import { groupCommit } from "../sql/group-commit.ts";
import { missingIndexes } from "../sql/problems.ts";
import { listOf, recordOf, rowOf } from "../sql/record.ts";
import { BATCH, isUse, MIGRATIONS, rewriting, SQL, using } from "../sql/sqlite.ts";
import type { Awaitable, IndexedStore, UpdateResult } from "../store.ts";

export interface SqliteStoreOptions {
  /** How long an operation waits for another connection's lock before it throws `store-locked`, in milliseconds. Default 2000. */
  lockTimeout?: number;
  /**
   * What a power cut, or a crash of the operating system, can take back. A crash of the process takes back nothing, and neither
   * damages the file.
   *
   * - `"normal"`, the default: the latest changes, but no deletion and no new secret that was acknowledged, nor what came before.
   * - `"full"`: nothing that was acknowledged. Each write waits for the disk, and the event loop with it.
   *
   * What waits for the disk waits together with all that comes in the same turn of the event loop: one transaction, one wait.
   *
   * Only with a path.
   */
  synchronous?: "normal" | "full";
}

/**
 * Sessions in an SQLite file, through `node:sqlite`: no server and no dependency. Several processes of one machine may share the
 * file; a network file system won't do. The constructor creates the tables and brings older ones up to date.
 *
 * Given a connection instead of a path, the store lives in the app's own database. It leaves the connection's pragmas as they are, and
 * `close` leaves it open. While a transaction of the app's is open on it, the store waits as for a lock, so that no rollback can
 * take a session with it. (Node before 22.16 can't tell: don't await within a transaction there.)
 *
 * Throws `option-unknown` and `option-invalid`, and when the database can't be used, `store-failed`, `store-locked`, `store-readonly`,
 * `store-full` or `store-corrupt`: here as well as in each operation.
 *
 * ```ts
 * const sessions = createSessions({ store: sqliteStore("sessions.db") });
 * ```
 */
export function sqliteStore(database: string | DatabaseSync, options: SqliteStoreOptions = {}): IndexedStore {
  const { lockTimeout, synchronous } = checked(database, options);
  const own = typeof database === "string";
  const name = nameOf(database);
  const { db, sql } = open(database, name, lockTimeout, synchronous);
  let closed = false;

  /** Runs a step, again and again while it meets a lock. It waits here and not in SQLite, which would stop the event loop. */
  async function run<T>(operation: string, step: () => Awaitable<T>): Promise<T> {
    let deadline: number | undefined;
    for (let pause = 1; ; pause = Math.min(2 * pause, 25)) {
      try {
        if (closed) throw failure("store-closed", "The store was closed before. Create a new one.", operation);
        if (db.isTransaction) throw IN_TRANSACTION;
        return await step();
      } catch (error) {
        deadline ??= performance.now() + lockTimeout;
        const left = deadline - performance.now();
        if (!isLock(error) || left <= 0) throw explained(error, operation, name, lockTimeout);
        await setTimeout(Math.min(pause, left));
      }
    }
  }

  /** Commits all the way to the disk. On the app's connection its own pragmas decide that. */
  const group = groupCommit((work) => {
    if (db.isTransaction) throw IN_TRANSACTION; // begun since the work was asked for
    const raise = own && synchronous === "normal";
    if (raise) db.exec("PRAGMA synchronous = FULL");
    try {
      return transaction(db, work);
    } finally {
      if (raise) db.exec("PRAGMA synchronous = NORMAL");
    }
  }, isLock);

  /** Where each write waits for the disk, or may. One that doesn't is not worth the group: alone it is done sooner. */
  const alwaysGrouped = !own || synchronous === "full";

  const write = <T>(operation: string, step: () => T, synced = false): Promise<T> =>
    run(operation, alwaysGrouped || synced ? () => group.write(step) : step);

  return {
    read: (handle) =>
      run("read", () => {
        const row = sql.read.get(handle, Date.now());
        return row && recordOf(Object.values(row));
      }),

    create: (handle, record) =>
      write("create", () => (sql.create.run(...rowOf(handle, record)).changes === 1 ? "created" : "exists")),

    update: (handle, change, { secretHash, ifVersion }) => {
      const plain = isUse(change);
      const step = (): UpdateResult => {
        const now = Date.now();
        const guard = [handle, now, secretHash, now] as const;
        const version = ifVersion ?? null;
        let [row] = plain ? sql.use.all(...using(change), ...guard, version, change.expiresAt) : [];
        if (!row) [row] = sql.rewrite.all(...rewriting(change), ...guard, version);
        if (row) return { status: "updated", version: row.version as number };
        return { status: ifVersion !== undefined && sql.admits.get(...guard, null) ? "conflict" : "gone" };
      };
      return write("update", step, change.rotate !== undefined);
    },

    delete: (handle) => write("delete", () => sql.delete.all(handle).some(isLive), true),

    async sweep(now) {
      let swept = 0;
      for (;;) {
        const expired = await run("sweep", () => Number(sql.sweep.run(now, now).changes));
        const extended = await run("sweep", () => Number(sql.postpone.run(now, now).changes));
        swept += expired;
        if (expired + extended < BATCH) return swept;
        await setImmediate();
      }
    },

    problems: () =>
      run("problems", () =>
        missingIndexes(
          "holdfast_sessions",
          sql.indexes.all().map((row) => String(row.sql)),
        ),
      ),

    async close() {
      if (closed) return;
      group.flush();
      if (own) db.close();
      closed = true;
    },

    list: (userId) =>
      run("list", () => {
        const rows = sql.list.all(userId, Date.now());
        return listOf(rows.map((row) => Object.values(row)));
      }),

    deleteAll: (userId, { except } = {}) => {
      const step = () => sql.deleteAll.all(userId, except ?? null).filter(isLive);
      return write("deleteAll", () => step().map((row) => row.handle as string), true);
    },
  };
}

/** Blocks while it meets a lock: an app that is starting keeps no request waiting. */
function open(database: string | DatabaseSync, name: string, lockTimeout: number, synchronous: string) {
  const deadline = performance.now() + lockTimeout;
  for (;;) {
    let own: DatabaseSync | undefined;
    try {
      if (typeof database === "string") own = new DatabaseSync(database);
      own?.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
      const db = own ?? (database as DatabaseSync);
      migrate(db, name);
      const statements = Object.entries(SQL).map(([key, text]) => [key, prepare(db, text)]);
      return { db, sql: Object.fromEntries(statements) as Record<keyof typeof SQL, StatementSync> };
    } catch (error) {
      own?.close();
      if (!isLock(error) || performance.now() >= deadline) throw explained(error, "open", name, lockTimeout);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Of several processes that start at once, one brings the tables up to date, and the others find it done. */
function migrate(db: DatabaseSync, name: string): void {
  transaction(db, () => {
    db.exec("CREATE TABLE IF NOT EXISTS holdfast_schema (version INTEGER NOT NULL PRIMARY KEY) STRICT");
    const found = prepare(db, "SELECT max(version) AS version FROM holdfast_schema").get();
    const version = Number(found?.version);
    const known = MIGRATIONS.length;
    if (version > known) {
      const text = `${name} has version ${version} of holdfast's tables; this release knows no later than ${known}. Update it.`;
      throw failure("store-corrupt", text, "open");
    }
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    // Written even when it is known: a database that is read-only must be found out now, not by the first login.
    db.prepare("INSERT OR REPLACE INTO holdfast_schema VALUES (?)").run(known);
  });
}

function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const answer = work();
    db.exec("COMMIT");
    return answer;
  } catch (error) {
    try {
      db.exec("ROLLBACK");
    } catch {} // SQLite has rolled back by itself.
    throw error;
  }
}

function prepare(db: DatabaseSync, text: string): StatementSync {
  const statement = db.prepare(text);
  // A connection of the app's may have other defaults. The second method came with 24.
  statement.setReadBigInts(false);
  statement.setReturnArrays?.(false);
  return statement;
}

const isLive = ({ expires_at }: Record<string, unknown>): boolean => (expires_at as number) > Date.now();

type SqliteError = Error & { code?: string; errcode?: number };

/** The low byte of SQLite's extended result code. */
const primaryCode = (error: unknown): number => ((error as SqliteError).errcode ?? 0) & 0xff;

/** SQLITE_BUSY, SQLITE_LOCKED, and SQLITE_PROTOCOL, which is a lock lost in a race. */
const isLock = (error: unknown): boolean => [5, 6, 15].includes(primaryCode(error));

const IN_TRANSACTION = { errcode: 5, message: "a transaction of the app's is open on the connection" };

const DAMAGED = "is damaged, or not an SQLite database. Restore it, or move it and its -wal and -shm files away.";

/** By SQLite's primary result code. */
const FAILURES: Readonly<Record<number, [StoreCode, string]>> = {
  8: ["store-readonly", "can't be written to. This process must be able to write to the file and to its folder."],
  11: ["store-corrupt", DAMAGED],
  13: ["store-full", "can't grow. Free space on its disk, or raise its max_page_count."],
  14: ["store-failed", "can't be opened. Its folder must exist, and this process must be able to read and write both."],
  26: ["store-corrupt", DAMAGED],
};

function explained(error: unknown, operation: string, name: string, lockTimeout: number): HoldfastError {
  if (isHoldfastError(error)) return error;
  const { code, message } = error as SqliteError;
  const because = (code: StoreCode, text: string) => failure(code, `${name} ${text}`, operation, error);
  if (isLock(error)) {
    const advice = "Look for a long write or a transaction left open, or raise `lockTimeout`.";
    return because("store-locked", `stayed locked for ${lockTimeout} ms: ${message}. ${advice}`);
  }
  if (code === "ERR_INVALID_STATE") return because("store-closed", "was closed by the app.");
  const known = FAILURES[primaryCode(error)];
  return known ? because(...known) : because("store-failed", `failed: ${message}.`);
}

function nameOf(database: string | DatabaseSync): string {
  if (database === ":memory:") return "The database in memory";
  if (typeof database === "string") return resolve(database);
  return (database.isOpen && database.location?.()) || "The database";
}

function checked(database: string | DatabaseSync, options: SqliteStoreOptions): Required<SqliteStoreOptions> {
  const { lockTimeout = 2000, synchronous = "normal", ...others } = options;
  for (const option of Object.keys(others)) {
    const text = `sqliteStore has no option "${option}". It takes \`lockTimeout\` and \`synchronous\`.`;
    throw new HoldfastError("option-unknown", text, { option });
  }
  const demand = (holds: boolean, option: string, text: string) => {
    if (!holds) throw new HoldfastError("option-invalid", text, { option });
  };
  const path = typeof database === "string" && database !== "";
  demand(path || database instanceof DatabaseSync, "database", "sqliteStore takes a file's path or a DatabaseSync.");
  demand(Number.isFinite(lockTimeout) && lockTimeout >= 0, "lockTimeout", "`lockTimeout` is milliseconds, 0 or more.");
  demand(["normal", "full"].includes(synchronous), "synchronous", '`synchronous` is "normal" or "full".');
  const advice = "`synchronous` goes with a path. On a connection of your own, set PRAGMA synchronous.";
  demand(path || options.synchronous === undefined, "synchronous", advice);
  return { lockTimeout, synchronous };
}
