import { createSessions } from "holdfast";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Awaitable, Change, IndexedStore, SessionRecord } from "../../../src/store.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { client } from "../../core/client.ts";
import { describeWith } from "../../needs.ts";
import { startProxy, type TcpProxy } from "../../proxy.ts";
import { type Connected, clients } from "./clients.ts";
import { type Server, startServer } from "./servers.ts";

const NAMES = ["node-redis 6", "node-redis 5", "ioredis", "iovalkey"];
/** Those that send again, by themselves, what they got no answer to. */
const RESENDING = ["ioredis", "iovalkey"];

const secretHash = "1:hash";
const times = () => ({ touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });
const newRecord = (): SessionRecord => ({
  secretHash,
  entries: new Map(),
  createdAt: Date.now(),
  ...times(),
  version: 1,
});
const update = (store: IndexedStore, handle: string, change: Partial<Change> = {}, ifVersion?: number) =>
  store.update(handle, { ...times(), ...change }, { secretHash, ifVersion });

describeWith("redis-server", "the Redis store on a network that fails", (binary) => {
  let server: Server;
  let proxy: TcpProxy;
  const opened: Connected[] = [];
  beforeAll(async () => {
    server = await startServer(binary);
  });
  beforeEach(async () => {
    proxy = await startProxy(server);
  });
  afterEach(async () => {
    for (const { end } of opened.splice(0)) end();
    await proxy.close();
  });
  afterAll(() => server.remove());

  async function open(name: string): Promise<IndexedStore> {
    const connected = await clients[name]!(proxy.port);
    opened.push(connected);
    const store = redisStore(connected.client, { onWarning: () => {} });
    await store.read("the scripts and the check of the server are not what is held up");
    return store;
  }

  /** Two browsers of one app: for one the store must answer at once, for the other it may take its time to reconnect. */
  const sessionsOf = (store: IndexedStore) => ({
    hasty: client(createSessions<{ n: number }>({ store, timeout: 50 })),
    patient: client(createSessions<{ n: number }>({ store, timeout: "20s" })),
  });

  /** Sends, loses the replies once the first of them is on its way, and answers what each came to: the error's code, if one. */
  async function withRepliesLost<T>(...sends: (() => Awaitable<T>)[]): Promise<(T | string)[]> {
    const isHeld = proxy.hold("replies");
    const sent = sends.map(async (send) => send());
    const outcomes = Promise.all(sent.map((one) => one.catch((error: { code: string }) => error.code)));
    await isHeld;
    proxy.cut();
    return outcomes;
  }

  for (const name of NAMES)
    describe(`by ${name}`, () => {
      for (const directions of [["requests"], ["replies"], ["requests", "replies"]] as const)
        it(`turns silence into store-timeout (${directions.join(" and ")} held), and goes on by itself`, async () => {
          const { hasty, patient } = sessionsOf(await open(name));
          await patient.set({ n: 1 });
          hasty.cookie = patient.cookie;
          proxy.hold(...directions);
          await expect(hasty.set({ n: 2 })).rejects.toMatchObject({ code: "store-timeout" });
          proxy.cut();
          // A client may not have noticed yet, and fail once more.
          await vi.waitFor(() => patient.set({ n: 3 }), { timeout: 20_000 });
          expect((await patient.request(({ data }) => data.n)).value).toBe(3);
        });

      it("fails while the server is down, and goes on by itself when it is back", async () => {
        const { hasty, patient } = sessionsOf(await open(name));
        await patient.set({ n: 1 });
        hasty.cookie = patient.cookie;
        await proxy.down();
        await expect(hasty.set({ n: 2 })).rejects.toMatchObject({ status: 503 });
        await proxy.up();
        await patient.set({ n: 3 });
        expect((await patient.request(({ data }) => data.n)).value).toBe(3);
      });

      it("never does a commit twice whose reply was lost", async () => {
        const store = await open(name);
        const handle = `lost by ${name}`;
        const entry = (text: string) => ({ set: new Map([["a", text]]) });
        const outcomes = [
          ...(await withRepliesLost(() => store.create(handle, newRecord()))),
          ...(await withRepliesLost(() => update(store, handle, entry("1")))),
          ...(await withRepliesLost(() => update(store, handle, entry("2"), 2))),
          ...(await withRepliesLost(() => update(store, handle, { rotate: { secretHash: "1:new", graceUntil: 0 } }))),
        ];
        const updated = (version: number) => ({ status: "updated", version });
        if (RESENDING.includes(name)) expect(outcomes).toEqual(["created", updated(2), updated(3), updated(4)]);
        else expect(outcomes).toEqual(Array(4).fill("store-failed"));
        const record = await store.read(handle);
        expect(record).toMatchObject({ version: 4, secretHash: "1:new", entries: entry("2").set });
      });
    });

  for (const name of RESENDING)
    it(`never does any of many commits twice that ${name} sends again`, async () => {
      const store = await open(name);
      const handle = `many by ${name}`;
      await store.create(handle, newRecord());
      const commits = Array.from(
        { length: 12 },
        (_, i) => () => update(store, handle, { set: new Map([[`${i}`, ""]]) }),
      );
      const outcomes = await withRepliesLost(...commits);
      expect(outcomes).toEqual(commits.map((_, i) => ({ status: "updated", version: i + 2 })));
      expect((await store.read(handle))?.version).toBe(13);
    });

  it("survives resets in the middle of the work", async () => {
    const store = await open("ioredis");
    const handles = Array.from({ length: 5 }, (_, i) => `reset ${i}`);
    await Promise.all(handles.map((handle) => store.create(handle, newRecord())));
    const working = handles.map(async (handle) => {
      for (let version = 2; version <= 21; version++)
        expect(await update(store, handle)).toEqual({ status: "updated", version });
    });
    for (let i = 0; i < 3; i++) {
      await proxy.hold("replies");
      proxy.reset();
    }
    await Promise.all(working);
  });
});
