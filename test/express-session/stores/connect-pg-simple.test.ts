import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import pg from "pg";
import { describeWith } from "../../needs.ts";
import type { BuildStore } from "./build.ts";
import { storeSuite } from "./suite.ts";

const connectPgSimple: BuildStore = createRequire(import.meta.url)("connect-pg-simple");

describeWith("PostgreSQL", "connect-pg-simple", (connectionString) => {
  storeSuite(async () => {
    const pool = new pg.Pool({ connectionString });
    const tableName = `holdfast_${randomUUID()}`;
    return {
      open: (library) =>
        new (connectPgSimple(library))({ pool, tableName, createTableIfMissing: true, pruneSessionInterval: false }),
      async close() {
        await pool.query(`DROP TABLE "${tableName}"`);
        await pool.end();
      },
    };
  });
});
