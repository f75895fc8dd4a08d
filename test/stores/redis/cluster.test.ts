import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { IndexedStore } from "../../../src/store.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { storeCases } from "../../../src/testing/store.ts";
import { describeWith } from "../../needs.ts";
import { type Connected, io } from "./clients.ts";
import { clusterClients, type RedisCluster, startCluster } from "./cluster.ts";
import { startLoad } from "./load.ts";

// Nodes vote, and on a busy machine may have to vote again.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

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

  async function handlesIn(slots: readonly number[]): Promise<string[]> {
    const { client, end } = io(new Redis(cluster.ports[0]!));
    const handles = Array.from({ length: 10_000 }, () => randomBytes(16).toString("base64url"));
    const found = await client.pipeline(handles.map((handle) => ["cluster", "keyslot", `holdfast:${handle}`])).exec();
    end();
    return handles.filter((_, i) => slots.includes(found![i]![1] as number));
  }

  for (const name of ["node-redis 6", "ioredis", "iovalkey"])
    it(`loses nothing and fails nothing while slots move, by ${name}`, async () => {
      const { primary: from } = await cluster.shardOf(name);
      const to = await cluster.otherPrimary(from);
      const handles = (await handlesIn((await cluster.slotsOf(from)).slice(0, 60))).slice(0, 20);
      const load = await startLoad(await open(name), handles);
      await cluster.reshard(from, to, 60);
      for (const handle of handles) expect((await cluster.shardOf(`holdfast:${handle}`)).primary).toBe(to);
      const { errors, lost, acknowledged } = await load.stop();
      expect({ errors, lost }).toEqual({ errors: [], lost: 0 });
      expect(acknowledged).toBeGreaterThan(100);
    });

  const newHandles = (count: number) => Array.from({ length: count }, () => randomBytes(16).toString("base64url"));

  for (const name of ["node-redis 6", "ioredis"])
    it(`goes on by itself when a replica takes over from a primary that was killed, by ${name}`, async () => {
      const handles = newHandles(20);
      const store = await open(name, { waitForReplicas: { count: 1, timeout: 500 } });
      const load = await startLoad(store, handles);
      const { primary, replica } = await cluster.shardOf(`holdfast:${handles[0]}`);
      await primary.kill();
      await cluster.settled(0);
      expect((await cluster.shardOf(`holdfast:${handles[0]}`)).primary).toBe(replica);
      await primary.restart();
      await cluster.settled(1);
      const { lost, stuck, acknowledged } = await load.stop();
      expect({ lost, stuck }).toEqual({ lost: 0, stuck: 0 });
      expect(acknowledged).toBeGreaterThan(100);
      for (const handle of handles) expect(await store.read(handle)).toBeDefined();
    });

  describe("with a replica that lags", () => {
    /** So much that some of it is still in the primary's own memory when it is killed, and not in the system's buffers. */
    const BIG = "x".repeat(2 ** 20);

    async function writeAndFail(store: IndexedStore, writes: number) {
      const [handle] = newHandles(1) as [string];
      await startLoad(store, [handle]).then((load) => load.stop());
      const { primary, replica } = await cluster.shardOf(`holdfast:${handle}`);
      replica!.process.kill("SIGSTOP");
      const times = { touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
      const outcomes = await Promise.allSettled(
        Array.from({ length: writes }, (_, i) =>
          store.update(handle, { set: new Map([[`big${i}`, BIG]]), ...times }, { secretHash: "1:hash" }),
        ),
      );
      await primary.kill();
      replica!.process.kill("SIGCONT");
      await cluster.settled(0);
      const reading = await open("ioredis");
      const record = await reading.read(handle);
      await primary.restart();
      await cluster.settled(1);
      const acknowledged = outcomes.filter(({ status }) => status === "fulfilled").length;
      const kept = [...record!.entries.keys()].filter((name) => name.startsWith("big")).length;
      return { acknowledged, kept, outcomes };
    }

    it("a failover loses writes that were acknowledged", async () => {
      const { acknowledged, kept } = await writeAndFail(await open("ioredis"), 12);
      expect(acknowledged).toBe(12);
      expect(kept).toBeLessThan(12);
    });

    it("waitForReplicas acknowledges none of them", async () => {
      const store = await open("ioredis", { waitForReplicas: { count: 1, timeout: 30 } });
      const { acknowledged, outcomes } = await writeAndFail(store, 12);
      expect(acknowledged).toBe(0);
      expect(outcomes[0]).toMatchObject({
        reason: {
          code: "store-failed",
          message: expect.stringMatching(/Fewer than 1 replicas had the write within 30 ms/),
        },
      });
    });
  });
});
