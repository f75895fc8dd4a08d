import { postgresStore } from "holdfast/stores/postgres";
import { storeCases } from "holdfast/testing";
import pg from "pg";
import postgres from "postgres";
import type { Groups } from "../groups.ts";

const url = process.env.STORE_URL;
const table = `runtime_${process.pid}`;
const pools: { end(): Promise<unknown> }[] = [];

function opened<Pool extends { end(): Promise<unknown> }>(pool: Pool): Pool {
  pools.push(pool);
  return pool;
}

export const groups: Groups = {
  "the PostgreSQL store by pg": storeCases(() =>
    postgresStore(opened(new pg.Pool({ connectionString: url })), { table }),
  ),
  "the PostgreSQL store by postgres.js": storeCases(() => postgresStore(opened(postgres(url ?? "")), { table })),
};

export async function end(): Promise<void> {
  await opened(new pg.Pool({ connectionString: url })).query(`DROP TABLE IF EXISTS ${table}`);
  await Promise.all(pools.map((pool) => pool.end()));
}
