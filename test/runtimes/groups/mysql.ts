import { mysqlStore } from "holdfast/stores/mysql";
import { storeCases } from "holdfast/testing";
import mysql from "mysql2/promise";
import type { Groups } from "../groups.ts";

const database = `holdfast_runtime_${process.pid}`;
const pools: mysql.Pool[] = [];

function pool(of: { database?: string } = {}): mysql.Pool {
  const made = mysql.createPool({ uri: process.env.STORE_URL ?? "", ...of });
  pools.push(made);
  return made;
}

async function open() {
  await pool().query(`CREATE DATABASE IF NOT EXISTS ${database}`);
  return mysqlStore(pool({ database }));
}

export const groups: Groups = { "the MySQL store by mysql2, on MariaDB": storeCases(open) };

export async function end(): Promise<void> {
  await pool().query(`DROP DATABASE IF EXISTS ${database}`);
  await Promise.all(pools.map((each) => each.end()));
}
