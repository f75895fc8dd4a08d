import { HoldfastError, isHoldfastError } from "../errors.ts";
import { failure } from "../sql/failure.ts";
import { missingIndexes } from "../sql/problems.ts";
import { listOf, recordOf, rowOf, type Value } from "../sql/record.ts";
import { BATCH, isUse, MIGRATIONS, rewriting, SQL, using } from "../sql/sqlite.ts";
import type { IndexedStore } from "../store.ts";

/** What the store needs of a D1 binding (`env.DB` of Cloudflare Workers). */
export interface D1 {
  prepare(sql: string): D1Statement;
  batch(statements: D1Statement[]): Promise<unknown>;
}

export interface D1Statement {
  bind(...values: Value[]): D1Statement;
  run(): Promise<{ meta: { changes: number } }>;
  raw(): Promise<unknown[][]>;
}

export interface D1StoreOptions {
  /** Create the tables where there are none, with the first operation. `false`: {@link d1Schema} is among your own migrations. Default: `true`. */
  migrate?: boolean;
}

/**
 * Sessions in Cloudflare D1. A read and a commit are one statement each. D1 is one database in one place: a commit travels there, and reads too, unless the app gives
 * a session of D1's own in the place of the binding, whose replicas may lag behind. Workers run no timers between requests, so call `sessions.sweep()` in a cron trigger.
 *
 * A binding belongs to the requests of its Worker: create store and sessions once for each isolate, by the first request's `env`.
 *
 * Throws `option-unknown` and `option-invalid`; the operations throw `store-failed`, `store-full` and `store-closed`.
 *
 * ```ts
 * import { createSessions, type IndexedSessions } from "holdfast";
 * import { type D1, d1Store } from "holdfast/stores/d1";
 *
 * let sessions: IndexedSessions<{ views: number }> | undefined;
 * export default {
 *   fetch(request: Request, env: { DB: D1 }) {
 *     sessions ??= createSessions<{ views: number }>({ store: d1Store(env.DB) });
 *     return fetchSessions(sessions, (_request, { data }) => new Response(`${data.views ?? 0} views`))(request);
 *   },
 * };
 * ```
 */
export function d1Store(db: D1, options: D1StoreOptions = {}): IndexedStore {
  const migrate = checked(db, options);
  let isPrepared = !migrate;
  let closed = false;

  /** Requests that come first together each do it: in Workers none can wait for another one's work. */
  async function prepare(): Promise<void> {
    await db.batch(SCHEMA.map((sql) => db.prepare(sql)));
    isPrepared = true;
  }

  async function run<T>(operation: string, step: () => Promise<T>): Promise<T> {
    if (closed) throw failure("store-closed", "The store was closed before. Create a new one.", operation);
    try {
      if (!isPrepared) await prepare();
      return await step();
    } catch (error) {
      throw explained(error, operation);
    }
  }

  const rows = (sql: string, ...values: Value[]): Promise<unknown[][]> =>
    db
      .prepare(sql)
      .bind(...values)
      .raw();
  const changes = async (sql: string, ...values: Value[]): Promise<number> =>
    (
      await db
        .prepare(sql)
        .bind(...values)
        .run()
    ).meta.changes;

  return {
    read: (handle) =>
      run("read", async () => {
        const [row] = await rows(SQL.read, handle, Date.now());
        return row && recordOf(row);
      }),

    create: (handle, record) =>
      run("create", async () => ((await changes(SQL.create, ...rowOf(handle, record))) > 0 ? "created" : "exists")),

    update: (handle, change, { secretHash, ifVersion = null }) =>
      run("update", async () => {
        const now = Date.now();
        const guard = [handle, now, secretHash, now];
        // D1 bills each index that a statement writes as a row.
        let [row] = isUse(change) ? await rows(SQL.use, ...using(change), ...guard, ifVersion, change.expiresAt) : [];
        if (!row) [row] = await rows(SQL.rewrite, ...rewriting(change), ...guard, ifVersion);
        if (row) return { status: "updated", version: Number(row[0]) };
        if (ifVersion === null) return { status: "gone" };
        return { status: (await rows(SQL.admits, ...guard, null)).length > 0 ? "conflict" : "gone" };
      }),

    delete: (handle) =>
      run("delete", async () => (await rows(SQL.delete, handle)).some(([end]) => Number(end) > Date.now())),

    async sweep(now) {
      let swept = 0;
      for (;;) {
        const expired = await run("sweep", () => changes(SQL.sweep, now, now));
        const extended = await run("sweep", () => changes(SQL.postpone, now, now));
        swept += expired;
        if (expired + extended < BATCH) return swept;
      }
    },

    problems: () =>
      run("problems", async () => missingIndexes("holdfast_sessions", (await rows(SQL.indexes)).map(String))),

    async close() {
      closed = true;
    },

    list: (userId) =>
      run("list", async () => {
        return listOf(await rows(SQL.list, userId, Date.now()));
      }),

    deleteAll: (userId, { except = null } = {}) =>
      run("deleteAll", async () => {
        const removed = await rows(SQL.deleteAll, userId, except);
        return removed.filter(([, end]) => Number(end) > Date.now()).map(([handle]) => handle as string);
      }),
  };
}

/** The SQL that creates the tables, for `wrangler d1 migrations`; then give the store `migrate: false`. */
export function d1Schema(): string {
  return SCHEMA.map((sql) => `${sql};\n`).join("");
}

const SCHEMA: readonly string[] = MIGRATIONS.join(";")
  .replaceAll(/CREATE (TABLE|INDEX)/g, "CREATE $1 IF NOT EXISTS")
  .split(/;\s*/);

function checked(db: D1, { migrate = true, ...others }: D1StoreOptions): boolean {
  for (const option of Object.keys(others)) {
    throw new HoldfastError("option-unknown", `d1Store has no option "${option}". It takes \`migrate\`.`, { option });
  }
  if (typeof db?.prepare !== "function" || typeof db.batch !== "function") {
    throw new HoldfastError("option-invalid", "d1Store takes a D1 binding, such as env.DB.", { option: "database" });
  }
  if (typeof migrate !== "boolean") {
    throw new HoldfastError("option-invalid", "d1Store: `migrate` is true or false.", { option: "migrate" });
  }
  return migrate;
}

function explained(error: unknown, operation: string): HoldfastError {
  if (isHoldfastError(error)) return error;
  // D1 has no codes, only texts; none quotes a value.
  const full = /full|maximum DB size|too big/i.test(String((error as Error)?.message));
  return full
    ? failure("store-full", "The database, or a row of it, is as large as D1 allows.", operation, error)
    : failure("store-failed", "D1 failed. See the cause.", operation, error);
}
