import mysql from "mysql2/promise";
import pg from "pg";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { postgresStore } from "../../../src/stores/postgres.ts";

/**
 * A process of its own: `child.ts URL COUNT`. It says "ready" to its parent, and on the answer adds `COUNT` to an entry, one by one, each
 * compared and set; then it tells how often another one came first. Whoever finds no table creates it, and the record.
 */
const [url, count] = process.argv.slice(2) as [string, string];
const pool = url.startsWith("mysql") ? mysql.createPool(url) : new pg.Pool({ connectionString: url });
const store = pool instanceof pg.Pool ? postgresStore(pool) : mysqlStore(pool);

const secretHash = "1:the-hash-of-a-secret";
const times = () => ({ touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });

process.once("message", async () => {
  await store.create("counter", { secretHash, entries: new Map(), createdAt: Date.now(), ...times(), version: 1 });
  let conflicts = 0;
  for (let done = 0; done < Number(count); ) {
    const { entries, version } = (await store.read("counter"))!;
    const set = new Map([["n", String(Number(entries.get("n") ?? 0) + 1)]]);
    const { status } = await store.update("counter", { set, ...times() }, { secretHash, ifVersion: version });
    if (status === "updated") done++;
    else conflicts++;
  }
  await pool.end();
  process.send!(conflicts);
  process.disconnect();
});
process.send!("ready");
