import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IndexedStore } from "../../../src/store.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { storeCases } from "../../../src/testing/store.ts";
import { describeWith } from "../../needs.ts";
import { type Connected, io } from "./clients.ts";
import { clusterClients, type RedisCluster, startCluster } from "./cluster.ts";
import { startLoad } from "./load.ts";

describeWith("redis-server", "the Redis store in a Cluster", (binary) => {
  let cluster: RedisCluster;
  const opened: Connected[] = [];
  beforeAll(async () => {
    cluster = await startCluster(binary);
  });
  afterAll(async () => {
    for (const { end } of opened) end();
    await cluster?.remove();
  });

  async function open(name: string, options: Parameters<typeof redisStore>[1] = {}): Promise<IndexedStore> {
    const connected = await clusterClients[name]!(cluster.ports);
    opened.push(connected);
    return redisStore(connected.client, { onWarning: () => {}, ...options });
  }

  for (const name of Object.keys(clusterClients))
    describe(`keeps the contract by ${name}`, () => {
      for (const one of storeCases(() => open(name), { sweeps: false })) it(one.name, one.run);
    });

  /** Handles whose slots are the lowest ones, which a resharding moves first. */
  async function lowHandles(below: number): Promise<string[]> {
    const { client, end } = io(new Redis(cluster.ports[0]!));
    const handles = Array.from({ length: 10_000 }, () => randomBytes(16).toString("base64url"));
    const slots = await client.pipeline(handles.map((handle) => ["cluster", "keyslot", `holdfast:${handle}`])).exec();
    end();
    return handles.filter((_, i) => (slots![i]![1] as number) < below);
  }

  for (const [i, name] of ["node-redis 6", "ioredis", "iovalkey"].entries())
    it(`loses nothing and fails nothing while slots move, by ${name}`, async () => {
      const handles = (await lowHandles(60 * (i + 1))).slice(-20);
      const { primary: from } = await cluster.shardOf(`holdfast:${handles[0]}`);
      const to = await cluster.otherPrimary(from);
      const load = await startLoad(await open(name), handles);
      await cluster.reshard(from, to, 60);
      expect((await cluster.shardOf(`holdfast:${handles[0]}`)).primary).toBe(to);
      const { errors, lost, acknowledged } = await load.stop();
      expect({ errors, lost }).toEqual({ errors: [], lost: 0 });
      expect(acknowledged).toBeGreaterThan(100);
    });
});
