import { redisStore } from "holdfast/stores/redis";
import { storeCases } from "holdfast/testing";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { Groups } from "../groups.ts";

const url = process.env.STORE_URL ?? "";
const options = { prefix: `runtime-${process.pid}:`, onWarning: () => {} };
const ending: (() => unknown)[] = [];

async function byNodeRedis() {
  const client = createClient({ url });
  await client.connect();
  ending.push(() => client.destroy());
  return redisStore(client, options);
}

function byIoredis() {
  const client = new Redis(url);
  ending.push(() => client.disconnect());
  return redisStore(client, options);
}

export const groups: Groups = {
  "the Redis store by node-redis": storeCases(byNodeRedis, { sweeps: false }),
  "the Redis store by ioredis": storeCases(byIoredis, { sweeps: false }),
};

export async function end(): Promise<void> {
  const client = new Redis(url);
  const keys = await client.keys(`${options.prefix}*`);
  if (keys.length > 0) await client.del(keys);
  client.disconnect();
  for (const close of ending) close();
}
