import { availability } from "../../needs.ts";
import type { Target } from "../target.ts";
import { expressSession, inConnectRedis, inMemoryStore } from "./express-session.ts";
import { holdfast } from "./holdfast.ts";
import { byExpress, byFastify, byFetch, byKoa, byNode } from "./servers.ts";
import { inMemory, inMysql, inPostgres, inRedis, inSqlite } from "./stores.ts";

const [redis, postgres, mariaDb, mysql] = (["Redis", "PostgreSQL", "MariaDB", "MySQL"] as const).map(availability);

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
export const onServers = [
  { need: "Redis", place: redis, target: (url: string) => holdfast("node on Redis", byNode, inRedis(url)) },
  {
    need: "PostgreSQL",
    place: postgres,
    target: (url: string) => holdfast("fetch on PostgreSQL", byFetch, inPostgres(url)),
  },
  { need: "MariaDB", place: mariaDb, target: (url: string) => holdfast("node on MariaDB", byNode, inMysql(url)) },
  { need: "MySQL", place: mysql, target: (url: string) => holdfast("node on MySQL", byNode, inMysql(url)) },
] as const;

/** The public comparison. */
export const theirs: readonly Target[] = [
  expressSession("MemoryStore", inMemoryStore),
  ...(redis ? [expressSession("connect-redis", inConnectRedis(redis))] : []),
];

/** Those of holdfast's that this machine can run. */
export function available(): Target[] {
  return [...ours, ...onServers.flatMap(({ place, target }) => (place ? [target(place)] : []))];
}
