/** Which clients the SQL stores take. Checked by `npm run typecheck`. */
import { createSessions, type IndexedStore } from "holdfast";
import { mysqlStore } from "holdfast/stores/mysql";
import { postgresStore } from "holdfast/stores/postgres";
import mysqlCallback from "mysql2";
import mysql from "mysql2/promise";
import pg from "pg";
import postgres from "postgres";

postgresStore(new pg.Pool({ max: 5 })) satisfies IndexedStore;
postgresStore(postgres("")) satisfies IndexedStore;
postgresStore(postgres("", { types: { bigint: postgres.BigInt }, transform: postgres.camel })) satisfies IndexedStore;
mysqlStore(mysql.createPool("")) satisfies IndexedStore;
mysqlStore(mysqlCallback.createPool("").promise()) satisfies IndexedStore;

createSessions({ store: postgresStore(new pg.Pool(), { schema: "app", table: "sessions" }) }).revokeAll;

// @ts-expect-error its methods take callbacks
mysqlStore(mysqlCallback.createPool(""));
// @ts-expect-error a pool of MySQL
postgresStore(mysql.createPool(""));
// @ts-expect-error an option that does not exist
postgresStore(new pg.Pool(), { tableName: "sessions" });
