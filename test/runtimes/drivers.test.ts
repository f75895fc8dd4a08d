import { describeWith, type Need } from "../needs.ts";
import { groups as mysql } from "./groups/mysql.ts";
import { groups as postgres } from "./groups/postgres.ts";
import { groups as redis } from "./groups/redis.ts";
import type { Groups } from "./groups.ts";
import { runInside } from "./run.ts";

/** The stores of servers, by the drivers that Node's apps use: Bun and Deno have Node's sockets, and that is to be seen. */
const SERVERS: readonly (readonly [Need, entry: string, Groups])[] = [
  ["PostgreSQL", "postgres", postgres],
  ["MariaDB", "mysql", mysql],
  ["Redis", "redis", redis],
];

const RUNTIMES = [
  { need: "Bun", conditions: ["bun", "node"] },
  { need: "Deno", conditions: ["deno", "node"], options: ["run", "--allow-all", "--quiet", "--no-prompt"] },
] as const;

for (const [server, entry, groups] of SERVERS) {
  describeWith(server, `by way of ${server}`, (url) => {
    for (const runtime of RUNTIMES) runInside({ ...runtime, entry, groups, env: { STORE_URL: url } });
  });
}
