import { randomBytes } from "node:crypto";
import pg from "pg";
import type { Backend } from "./backend.ts";

/** A database of the example's own on a PostgreSQL 13 or later that runs already (DATABASE_URL, or the usual place). It is dropped at the end. */
export async function createDatabase(): Promise<Backend> {
  const server = process.env.DATABASE_URL || "postgres://postgres@127.0.0.1:5432/postgres";
  const name = `holdfast_example_${randomBytes(6).toString("hex")}`;
  const url = Object.assign(new URL(server), { pathname: name });
  const admin = new pg.Client(server);
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);

  return {
    name: "PostgreSQL",
    env: { DATABASE_URL: url.href, REDIS_URLS: "" },
    async disturb(tell) {
      const { rowCount } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
      tell(`all ${rowCount} connections to the database are cut`);
    },
    async end() {
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`); // whoever is still connected
      await admin.end();
    },
  };
}
