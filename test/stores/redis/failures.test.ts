import { inspect } from "node:util";
import { Cluster, Redis } from "ioredis";
import { createClient } from "redis";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { SessionRecord } from "../../../src/store.ts";
import { type RedisClient, redisStore } from "../../../src/stores/redis.ts";
import { describeWith } from "../../needs.ts";
import { assertCloses } from "../fixtures.ts";
import { type Server, startServer } from "./servers.ts";

const secretHash = "1:hash";
const newRecord = (text = "1", fields: Partial<SessionRecord> = {}): SessionRecord => ({
  secretHash,
  entries: new Map([["a", text]]),
  createdAt: Date.now(),
  touchedAt: Date.now(),
  expiresAt: Date.now() + 3_600_000,
  version: 1,
  ...fields,
});

describeWith("redis-server", "the Redis store on a server", (binary) => {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  async function start(...args: string[]): Promise<{ server: Server; client: Redis }> {
    const server = await startServer(binary, ...args);
    endings.push(() => server.remove());
    const client = new Redis(server.port);
    client.on("error", () => {});
    endings.push(() => client.disconnect());
    return { server, client };
  }

  /** What the store warns of, on first use by any client. */
  async function warnings(client: RedisClient): Promise<string[]> {
    const said: string[] = [];
    const store = redisStore(client, { onWarning: (message) => said.push(message) });
    await store.read("h");
    await store.read("h");
    // The check is not waited for, but the connection keeps the order.
    await new Promise((resolve) => setImmediate(resolve));
    await store.read("h");
    return said;
  }

  it("that evicts keys when it is full, warns once", async () => {
    const { server, client } = await start("--appendonly", "yes", "--maxmemory", "100mb");
    for (const policy of ["allkeys-lru", "volatile-ttl"]) {
      await client.config("SET", "maxmemory-policy", policy);
      const [warning, ...others] = await warnings(client);
      expect(others).toEqual([]);
      expect(warning).toContain(policy);
    }
    const resp3 = await createClient({ socket: { port: server.port } }).connect();
    endings.push(() => resp3.destroy());
    expect(await warnings(resp3)).toHaveLength(1);
    await client.config("SET", "maxmemory-policy", "noeviction");
    expect(await warnings(client)).toEqual([]);
  });

  it("that can lose sessions, says so to the doctor whenever it asks", async () => {
    const { client } = await start("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru");
    const store = redisStore(client, { onWarning: () => {} });
    for (let i = 0; i < 2; i++) {
      expect(await store.problems!()).toEqual([
        expect.stringMatching(/^This Redis server evicts keys/),
        expect.stringMatching(/^This Redis server keeps nothing/),
      ]);
    }
  });

  it("whose clock is ahead, warns that sessions end early", async () => {
    const { client } = await start("--appendonly", "yes");
    for (const [ahead, found] of [
      [60_000, [expect.stringMatching(/clock .* (59|6\d) s ahead/)]],
      [-60_000, []],
    ] as const) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - ahead });
      endings.push(() => void vi.useRealTimers());
      expect(await redisStore(client, { onWarning: () => {} }).problems!()).toEqual(found);
      vi.useRealTimers();
    }
  });

  it("that keeps nothing on disk, warns once", async () => {
    const { server, client } = await start();
    expect(await warnings(client)).toEqual([expect.stringMatching(/keeps nothing on disk/)]);
    const resp3 = await createClient({ socket: { port: server.port } }).connect();
    endings.push(() => resp3.destroy());
    expect(await warnings(resp3)).toEqual([expect.stringMatching(/keeps nothing on disk/)]);
    await client.config("SET", "save", "3600 1");
    expect(await warnings(client)).toEqual([]);
  });

  it("that doesn't let itself be asked, stays silent", async () => {
    const { client } = await start();
    await client.acl("SETUSER", "default", "-config", "-info");
    expect(await warnings(client)).toEqual([]);
  });

  it("that warns to nobody in particular, warns on the console", async () => {
    const { client } = await start();
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    endings.push(() => warn.mockRestore());
    await redisStore(client).read("h");
    await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce());
  });

  it("that is full, throws store-full, and can still end sessions", async () => {
    const { client } = await start();
    const store = redisStore(client, { onWarning: () => {} });
    await store.create("h", newRecord());
    await client.config("SET", "maxmemory", "1");
    await expect(store.create("h2", newRecord())).rejects.toMatchObject({ code: "store-full", status: 503 });
    const change = { touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
    await expect(store.update("h", change, { secretHash })).rejects.toMatchObject({ code: "store-full" });
    expect((await store.read("h"))?.version).toBe(1);
    expect(await store.delete("h")).toBe(true);
  });

  it("that is a replica, throws store-readonly, and is still read", async () => {
    const { client } = await start();
    const store = redisStore(client, { onWarning: () => {} });
    await store.create("h", newRecord());
    await client.config("SET", "replica-read-only", "yes");
    await client.replicaof("127.0.0.1", 1);
    await expect(store.create("h2", newRecord())).rejects.toMatchObject({ code: "store-readonly" });
    expect((await store.read("h"))?.version).toBe(1);
  });

  it("where another program's key is in the way, says so, and shows nothing of the session", async () => {
    const { client } = await start();
    const store = redisStore(client, { onWarning: () => {} });
    await client.lpush("holdfast:h", "a list");
    const creating = Promise.resolve(store.create("h", newRecord("precious")));
    const error = await creating.catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "store-failed", message: expect.stringMatching(/WRONGTYPE.*`prefix`/) });
    expect(inspect(error, { depth: 10 })).not.toMatch(/precious|1:hash/);
  });

  it("without replicas, fails what should wait for one", async () => {
    const { server, client } = await start();
    const node = await createClient({ socket: { port: server.port } }).connect();
    endings.push(() => node.destroy());
    for (const [i, each] of [client, node].entries()) {
      const store = redisStore(each, { onWarning: () => {}, waitForReplicas: { count: 1, timeout: 1 } });
      const unsure = { code: "store-failed", message: expect.stringMatching(/Fewer than 1 replicas .* or stay/) };
      await expect(store.create(`h${i}`, newRecord())).rejects.toMatchObject(unsure);
      expect(await store.read(`h${i}`)).toBeDefined();
      await expect(store.delete(`h${i}`)).rejects.toMatchObject(unsure);
      expect(await store.read(`h${i}`)).toBeUndefined();
    }
  });

  it("is left open by close, and every operation throws store-closed", async () => {
    const { client } = await start();
    await assertCloses(redisStore(client, { onWarning: () => {} }));
    expect(await client.ping()).toBe("PONG");
  });
});

describe("the Redis store's options", () => {
  const client = new Redis({ lazyConnect: true });
  const refused = (code: string, option: string) => expect.objectContaining({ code, details: { option } });

  it("are none but these", () => {
    const options = { ttl: 60 } as object;
    expect(() => redisStore(client, options)).toThrow(refused("option-unknown", "ttl"));
  });

  it("are checked", () => {
    for (const other of [undefined, null, {}, "redis://127.0.0.1", () => {}])
      expect(() => redisStore(other as never)).toThrow(refused("option-invalid", "client"));
    const bad = { prefix: 1, onWarning: "log", waitForReplicas: { count: 0 } };
    for (const [option, value] of Object.entries(bad))
      expect(() => redisStore(client, { [option]: value })).toThrow(refused("option-invalid", option));
    for (const waitForReplicas of [1, { count: 1, timeout: 0 }, { count: 1.5 }, {}])
      expect(() => redisStore(client, { waitForReplicas } as object)).toThrow(
        refused("option-invalid", "waitForReplicas"),
      );
  });

  it("include no client that reads from replicas", () => {
    const lagging = new Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true, scaleReads: "slave" });
    expect(() => redisStore(lagging)).toThrow(/scaleReads/);
  });
});
