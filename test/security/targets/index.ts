import { availability, type Need } from "../../needs.ts";
import type { Target } from "../target.ts";
import { expressSession, inConnectRedis, inMemoryStore } from "./express-session.ts";
import { holdfast } from "./holdfast.ts";
import { byExpress, byFastify, byFetch, byKoa, byNode } from "./servers.ts";
import { inD1, inMemory, inMysql, inPostgres, inRedis, inSqlite } from "./stores.ts";

const redis = availability("Redis");

/** Each adapter on the memory store, and each store under one of them. Another adapter is one line here. */
export const ours: readonly Target[] = [
  holdfast("node on memory", byNode, inMemory),
  holdfast("Express on memory", byExpress, inMemory),
  holdfast("Fastify on memory", byFastify, inMemory),
  holdfast("Koa on memory", byKoa, inMemory),
  holdfast("fetch on memory", byFetch, inMemory),
  holdfast("Express on SQLite", byExpress, inSqlite),
];

/** Those whose server this machine may lack. */
export const onServers: readonly { readonly need: Need; readonly target: (place: string) => Target }[] = [
  { need: "Redis", target: (url) => holdfast("node on Redis", byNode, inRedis(url)) },
  { need: "PostgreSQL", target: (url) => holdfast("fetch on PostgreSQL", byFetch, inPostgres(url)) },
  { need: "MariaDB", target: (url) => holdfast("node on MariaDB", byNode, inMysql(url)) },
  { need: "MySQL", target: (url) => holdfast("node on MySQL", byNode, inMysql(url)) },
  { need: "workerd", target: () => holdfast("fetch on D1", byFetch, inD1) },
];

/** The public comparison. */
export const theirs: readonly Target[] = [
  expressSession("MemoryStore", inMemoryStore),
  ...(redis ? [expressSession("connect-redis", inConnectRedis(redis))] : []),
];

/** Those of holdfast's that this machine can run. */
export function available(): Target[] {
  const there = onServers.flatMap(({ need, target }) => {
    const place = availability(need);
    return place ? [target(place)] : [];
  });
  return [...ours, ...there];
}
