import { randomBytes } from "node:crypto";
import { Redis as IoRedis } from "ioredis";
import { Redis as IoValkey } from "iovalkey";
import { createSentinel } from "redis";
import { createSentinel as createSentinel5 } from "redis5";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redisStore } from "../../../src/stores/redis.ts";
import { storeCases } from "../../../src/testing/store.ts";
import { describeWith } from "../../needs.ts";
import { type Connected, io, node } from "./clients.ts";
import { startLoad } from "./load.ts";
import { type Server, startServer } from "./servers.ts";

/** By name, each client that asks a Sentinel where the primary is. */
const clients: Readonly<Record<string, (port: number) => Promise<Connected>>> = {
  "node-redis 6": (port) => node(createSentinel({ name: "main", sentinelRootNodes: [{ host: "127.0.0.1", port }] })),
  "node-redis 5": (port) => node(createSentinel5({ name: "main", sentinelRootNodes: [{ host: "127.0.0.1", port }] })),
  ioredis: async (port) => io(new IoRedis({ name: "main", sentinels: [{ host: "127.0.0.1", port }] })),
  iovalkey: async (port) => io(new IoValkey({ name: "main", sentinels: [{ host: "127.0.0.1", port }] })),
};

describeWith("redis-server", "the Redis store through Sentinel", (binary) => {
  const servers: Server[] = [];
  const opened: Connected[] = [];
  let sentinel: Server;

  beforeAll(async () => {
    const primary = await startServer(binary, "--repl-diskless-sync-delay", "0");
    servers.push(primary);
    servers.push(
      await startServer(binary, "--replicaof", "127.0.0.1", String(primary.port), "--repl-diskless-sync-delay", "0"),
    );
    sentinel = await startServer(binary, "--sentinel");
    servers.push(sentinel);
    const { client, end } = io(new IoRedis(sentinel.port));
    const word = (...args: (string | number)[]) => client.call("sentinel", args);
    await word("monitor", "main", "127.0.0.1", primary.port, 1);
    await word("set", "main", "down-after-milliseconds", 500);
    await word("set", "main", "failover-timeout", 3000);
    // A Sentinel hears of the replicas by asking the primary, once in a while.
    const inLine = [expect.arrayContaining(["master-link-status", "ok"])];
    await vi.waitFor(async () => expect(await word("replicas", "main")).toEqual(inLine), { timeout: 20_000 });
    end();
  });
  afterAll(async () => {
    for (const { end } of opened) end();
    await Promise.all(servers.map((server) => server.remove()));
  });

  async function open(name: string) {
    const connected = await clients[name]!(sentinel.port);
    opened.push(connected);
    return redisStore(connected.client, { onWarning: () => {} });
  }

  for (const name of Object.keys(clients))
    describe(`keeps the contract by ${name}`, () => {
      for (const one of storeCases(() => open(name), { sweeps: false })) it(one.name, one.run);
    });

  it("goes on by itself, with every client, when the replica takes over", async () => {
    const loads = await Promise.all(
      Object.keys(clients).map(async (name) => {
        const handles = Array.from({ length: 5 }, () => randomBytes(16).toString("base64url"));
        return startLoad(await open(name), handles);
      }),
    );
    await servers[0]!.kill();
    const { client, end } = io(new IoRedis(sentinel.port));
    const primary = async () =>
      String((await client.call("sentinel", ["get-master-addr-by-name", "main"])) as string[]);
    await expect.poll(primary, { timeout: 20_000 }).toBe(`127.0.0.1,${servers[1]!.port}`);
    end();
    const counts = await Promise.all(loads.map((load) => load.stop()));
    expect(counts.map(({ stuck }) => stuck)).toEqual([0, 0, 0, 0]);
  });
});
