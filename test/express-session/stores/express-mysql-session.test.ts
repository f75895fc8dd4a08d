import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import mysql from "mysql2/promise";
import { describeWith } from "../../needs.ts";
import type { BuildStore } from "./build.ts";
import { storeSuite } from "./suite.ts";

const expressMysqlSession: BuildStore = createRequire(import.meta.url)("express-mysql-session");

describeWith("MariaDB", "express-mysql-session", (url) => {
  storeSuite(async () => {
    const database = `holdfast_${randomUUID()}`;
    const server = await mysql.createConnection(url);
    await server.query("CREATE DATABASE ??", [database]);
    const pool = mysql.createPool(`${url}/${database}`);
    return {
      open: (library) => new (expressMysqlSession(library))({ clearExpired: false }, pool),
      async close() {
        await pool.end();
        await server.query("DROP DATABASE ??", [database]);
        await server.end();
      },
    };
  });
});
