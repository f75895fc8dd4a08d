import assert from "node:assert/strict";
import { createSessions, isHoldfastError, type Sessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { challengeIn, newDevice, proving, registering } from "../security/device.ts";
import type { Case } from "./groups.ts";

interface Data {
  cart: string[];
  n: number;
}

const head = (cookie?: string) => ({
  header: (name: string) => (name === "cookie" ? cookie : undefined),
  encrypted: false,
});

/** One request: what `change` does is saved. Answers the cookie to go on with. */
async function visit(
  sessions: Sessions<Data>,
  cookie: string | undefined,
  change: (session: Awaited<ReturnType<typeof sessions.open>>["session"]) => unknown,
): Promise<string | undefined> {
  const exchange = await sessions.open(head(cookie));
  await change(exchange.session);
  const { setCookie } = await exchange.commit();
  return setCookie?.split(";", 1)[0] ?? cookie;
}

const cases: Record<string, () => Promise<void>> = {
  async "a session goes from a first entry through a login to a logout"() {
    const sessions = createSessions<Data>({ store: memoryStore() });
    const first = await visit(sessions, undefined, ({ data }) => {
      data.cart = ["tea 🍵"];
    });
    const second = await visit(sessions, first, (session) => session.login("ada"));
    assert.notEqual(second, first);
    await visit(sessions, first, (session) => assert.deepEqual([session.isNew, session.userId], [true, undefined]));
    await visit(sessions, second, ({ data, userId }) => assert.deepEqual([data.cart, userId], [["tea 🍵"], "ada"]));
    assert.equal((await sessions.list({ userId: "ada" })).length, 1);
    await visit(sessions, second, (session) => session.destroy());
    await visit(sessions, second, (session) => assert.equal(session.isNew, true));
    await sessions.close();
  },

  async "overlapping updates of one entry lose no count"() {
    const sessions = createSessions<Data>({ store: memoryStore() });
    const cookie = await visit(sessions, undefined, ({ data }) => {
      data.n = 0;
    });
    const count = () => visit(sessions, cookie, (session) => session.update("n", (n = 0) => n + 1));
    await Promise.all(Array.from({ length: 20 }, count));
    await visit(sessions, cookie, ({ data }) => assert.equal(data.n, 20));
    await sessions.close();
  },

  async "what keys encrypted opens again, and is no text in the store"() {
    const store = memoryStore();
    const keys = ["0123456789abcdef0123456789abcdef"];
    const sessions = createSessions<Data>({ store, keys });
    const cookie = await visit(sessions, undefined, ({ data }) => {
      data.cart = ["secret tea"];
    });
    const handle = cookie!.slice(cookie!.indexOf("=") + 1).split(".", 1)[0]!;
    const stored = (await store.read(handle))?.entries.get("cart");
    assert.ok(stored && !stored.includes("tea"), "not encrypted");
    await visit(createSessions<Data>({ store, keys }), cookie, ({ data }) =>
      assert.deepEqual(data.cart, ["secret tea"]),
    );
    await sessions.close();
  },

  async "a device registers its key, and proves that it has it"() {
    const sessions = createSessions<Data>({ store: memoryStore(), deviceBound: "/device" });
    const at = (headers: Record<string, string>) => ({
      method: "POST",
      header: (name: string) => headers[name],
      encrypted: true,
    });
    for (const alg of ["ES256", "RS256"] as const) {
      const device = await newDevice(alg);
      const exchange = await sessions.open(at({}));
      await exchange.session.login("ada");
      const { setCookie = "", beside = [] } = await exchange.commit();
      const cookie = setCookie.split(";", 1)[0]!;
      const registration = await registering(device, challengeIn(beside[0]?.[1]));
      const bound = await sessions.bindDevice!(at({ cookie, ...registration }));
      assert.equal(bound.status, 200);
      const both = `${cookie}; ${bound.headers["Set-Cookie"]!.split(";", 1)[0]}`;
      const { session } = await sessions.open(at({ cookie: both }));
      assert.deepEqual([session.userId, session.isDeviceBound], ["ada", true]);
      const challenge = challengeIn(bound.headers["Secure-Session-Challenge"]);
      const { handle } = session;
      assert.equal(
        (await sessions.bindDevice!(at(await proving(handle, await newDevice(alg), challenge)))).status,
        401,
      );
      assert.equal((await sessions.bindDevice!(at(await proving(handle, device, challenge)))).status, 200);
    }
    await sessions.close();
  },

  async "a store that never answers is given up in time"() {
    const store = { ...memoryStore(), read: () => new Promise<never>(() => {}) };
    const sessions = createSessions<Data>({ store, timeout: 50 });
    const cookie = `sid=${"h".repeat(22)}.${"s".repeat(43)}`;
    for (let i = 0; i < 2; i++) {
      await assert.rejects(
        async () => sessions.open(head(cookie)),
        (error) => isHoldfastError(error) && error.code === "store-timeout",
      );
    }
    await sessions.close();
  },

  async "a sweep of thousands of expired sessions ends"() {
    const store = memoryStore();
    const sessions = createSessions<Data>({ store });
    const times = { createdAt: 1, touchedAt: 1, expiresAt: 2 };
    for (let i = 0; i < 5000; i++)
      await store.create(`h${i}`, { secretHash: "1:x", entries: new Map(), version: 1, ...times });
    assert.equal(await sessions.sweep(), 5000);
    await sessions.close();
  },
};

/** What an app needs of the core, whatever it runs on. */
export const essentials: readonly Case[] = Object.entries(cases).map(([name, run]) => ({ name, run }));
