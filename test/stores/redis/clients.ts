import { Redis as IoRedis } from "ioredis";
import { Redis as IoValkey } from "iovalkey";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import type { RedisClient } from "../../../src/stores/redis.ts";

export interface Connected {
  readonly client: RedisClient;
  end(): unknown;
}

/** By name, each way to reach one server. A client's errors reach a test by the operations that they fail. */
export const clients: Readonly<Record<string, (port: number) => Promise<Connected>>> = {
  "node-redis 6": async (port) => node(createClient({ socket: { port } })),
  "node-redis 6, RESP2": async (port) => node(createClient({ socket: { port }, RESP: 2 })),
  "node-redis 5": async (port) => node(createClient5({ socket: { port } })),
  "node-redis 5, RESP3": async (port) => node(createClient5({ socket: { port }, RESP: 3 })),
  ioredis: async (port) => io(new IoRedis(port)),
  "ioredis, RESP3 and its shapes": async (port) => io(new IoRedis(port, { protocol: 3, replyMapping: "resp3" })),
  "ioredis, pipelining by itself": async (port) => io(new IoRedis(port, { enableAutoPipelining: true })),
  "ioredis, with a prefix of its own": async (port) => io(new IoRedis(port, { keyPrefix: "app:" })),
  iovalkey: async (port) => io(new IoValkey(port)),
};

interface NodeRedis {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: "error", listener: () => void): unknown;
}

export async function node<Client extends NodeRedis>(client: Client): Promise<{ client: Client; end(): void }> {
  client.on("error", () => {});
  await client.connect();
  return { client, end: () => client.destroy() };
}

export function io<Client extends { disconnect(): void; on(event: "error", listener: () => void): unknown }>(
  client: Client,
): { client: Client; end(): void } {
  client.on("error", () => {});
  return { client, end: () => client.disconnect() };
}
