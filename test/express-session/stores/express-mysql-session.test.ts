import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type { Store } from "express-session";
import mysql from "mysql2/promise";
import { describeWith } from "../../needs.ts";
import { type Library, original } from "../libraries.ts";
import type { BuildStore } from "./build.ts";
import { storeSuite } from "./suite.ts";

const expressMysqlSession: BuildStore<Store & { onReady(): Promise<void> }> = createRequire(import.meta.url)(
  "express-mysql-session",
);

describeWith("MariaDB", "express-mysql-session", (url) => {
  storeSuite(async () => {
    const database = `holdfast_${randomUUID()}`;
    const server = await mysql.createConnection(url);
    await server.query("CREATE DATABASE ??", [database]);
    const pool = mysql.createPool(`${url}/${database}`);
    const open = (library: Library) => new (expressMysqlSession(library))({ clearExpired: false }, pool);
    await open(original).onReady(); // until then it has no table, and fails
    return {
      open,
      async close() {
        await pool.end();
        await server.query("DROP DATABASE ??", [database]);
        await server.end();
      },
    };
  });
});
