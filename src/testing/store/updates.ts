import assert from "node:assert/strict";
import type { Store } from "../../store.ts";
import {
  assertEntries,
  assertStored,
  attempt,
  type Cases,
  each,
  later,
  MANY,
  many,
  newHash,
  newUser,
  past,
  put,
  readLive,
  rotation,
  soon,
  tally,
  together,
  update,
  updated,
} from "./fixtures.ts";

export const updates: Cases<Store> = {
  async "an update sets, removes, and leaves the other entries as they are"({ store }) {
    const { handle, record } = await put(store, { entries: new Map(Object.entries({ a: "1", b: "2", c: "3" })) });
    await update(store, handle, record, { set: new Map(Object.entries({ b: "20", d: "4" })), remove: ["c"] });
    await assertEntries(store, handle, { a: "1", b: "20", d: "4" });
  },

  async "removing a name that is not there is no error"({ store }) {
    const { handle, record } = await put(store, { entries: new Map([["a", "1"]]) });
    await update(store, handle, record, { remove: ["b"] });
    await assertEntries(store, handle, { a: "1" });
  },

  async "of several entries that an update removes it forgets none, in whatever order they come"({ store }) {
    const orders = ["ab", "ba", "ac", "ca", "bc", "cb", "abc", "acb", "bac", "bca", "cab", "cba"];
    for (const order of orders) {
      const { handle, record } = await put(store, { entries: new Map(Object.entries({ a: "1", b: "2", c: "3" })) });
      await update(store, handle, record, { set: new Map([["d", "4"]]), remove: [...order] });
      const left = Object.entries({ a: "1", b: "2", c: "3", d: "4" }).filter(([name]) => !order.includes(name));
      await assertEntries(store, handle, new Map(left));
    }
  },

  async "an update that removes an entry loses none that it sets"({ store }) {
    // A name like an array's index: in JSON made by JavaScript it comes before others, in a database's perhaps after.
    const { handle, record } = await put(store, { entries: new Map([["a", "1"]]) });
    await update(store, handle, record, { set: new Map([["0", "2"]]) });
    await update(store, handle, record, { set: new Map([["0", "3"]]), remove: ["a"] });
    await assertEntries(store, handle, { 0: "3" });
  },

  async "the fields that a change names are taken over, all others stay"({ store }) {
    const { handle, record } = await put(store, {
      previousHash: newHash(),
      graceUntil: soon(),
      entries: new Map([["a", "1"]]),
    });
    const touch = { touchedAt: record.touchedAt + 1, expiresAt: record.expiresAt + 1 };
    await update(store, handle, record, touch);
    await assertStored(store, handle, { ...record, ...touch, version: 2 });
    const login = { userId: newUser(), authenticatedAt: past() + 6, touchedAt: past() + 7, expiresAt: later() + 8 };
    await update(store, handle, record, login);
    await assertStored(store, handle, { ...record, ...login, version: 3 });
    await update(store, handle, record, touch);
    await assertStored(store, handle, { ...record, ...login, ...touch, version: 4 });
  },

  async "a field of a change that is undefined is one that it doesn't name"({ store }) {
    const { handle, record } = await put(store, {
      entries: new Map([["a", "1"]]),
      userId: newUser(),
      authenticatedAt: past(),
    });
    const touch = { touchedAt: past(), expiresAt: later() };
    const nothing = {
      set: undefined,
      remove: undefined,
      rotate: undefined,
      userId: undefined,
      authenticatedAt: undefined,
    };
    await update(store, handle, record, { ...touch, ...nothing });
    await assertStored(store, handle, { ...record, ...touch, version: 2 });
  },

  async "the version rises by exactly one with every update"({ store }) {
    const { handle, record } = await put(store);
    for (const version of [2, 3, 4]) {
      assert.deepEqual(await attempt(store, handle, record, { set: new Map([["a", "1"]]) }), updated(version));
      assert.equal((await store.read(handle))?.version, version);
    }
  },

  async "overlapping updates each raise the version"(clients) {
    const { handle, record } = await put(clients.store);
    const results = await together(MANY, async (i, arrive) => {
      await arrive();
      return attempt(each(clients, i), handle, record, { set: new Map([["a", String(i)]]) });
    });
    const versions = results.map((result) => (result.status === "updated" ? result.version : 0));
    assert.deepEqual(
      versions.sort((a, b) => a - b),
      many(MANY, (i) => i + 2),
    );
  },

  async "overlapping updates of different entries all win"(clients) {
    const { handle, record } = await put(clients.store, { entries: new Map([["kept", "0"]]) });
    await together(MANY, async (i, arrive) => {
      await each(clients, i).read(handle);
      await arrive();
      await update(each(clients, i), handle, record, { set: new Map([[`entry${i}`, String(i)]]) });
    });
    const all = new Map<string, string>(many(MANY, (i) => [`entry${i}`, String(i)]));
    await assertEntries(clients.store, handle, all.set("kept", "0"));
  },

  async "of two updates of one entry the later one wins"({ store, other }) {
    const { handle, record } = await put(store, { entries: new Map([["a", "0"]]) });
    await Promise.all([store.read(handle), other.read(handle)]);
    await update(other, handle, record, { set: new Map([["a", "1"]]) });
    await update(store, handle, record, { set: new Map([["a", "2"]]) });
    await assertEntries(other, handle, { a: "2" });
  },

  async "an update at the version it names goes in"({ store }) {
    const { handle, record } = await put(store);
    assert.deepEqual(await attempt(store, handle, record, {}, 1), updated(2));
    assert.deepEqual(await attempt(store, handle, record, {}, 2), updated(3));
  },

  async "an update at any other version is a conflict, and writes nothing"({ store }) {
    const { handle, record } = await put(store);
    for (const _ of [2, 3]) await update(store, handle, record, {});
    const before = await readLive(store, handle);
    const all = { set: new Map([["a", "1"]]), userId: newUser(), expiresAt: later() + 1, rotate: rotation(0) };
    for (const version of [0, 1, 2, 4])
      assert.deepEqual(await attempt(store, handle, record, all, version), { status: "conflict" });
    await assertStored(store, handle, before);
  },

  async "of many updates at one version exactly one wins"(clients) {
    const { handle, record } = await put(clients.store);
    const results = await together(MANY, async (i, arrive) => {
      await arrive();
      return attempt(each(clients, i), handle, record, { set: new Map([["winner", String(i)]]) }, 1);
    });
    assert.deepEqual(tally(results.map(({ status }) => status)), { updated: 1, conflict: MANY - 1 });
    const winner = results.findIndex(({ status }) => status === "updated");
    await assertEntries(clients.store, handle, { winner: String(winner) });
  },

  async "many increments, each retried on conflict, lose no count"(clients) {
    const { handle, record } = await put(clients.store, { entries: new Map([["n", "0"]]) });
    await together(MANY, async (i, arrive) => {
      for (;;) {
        const { entries, version } = await readLive(each(clients, i), handle);
        await arrive();
        const next = { set: new Map([["n", String(Number(entries.get("n")) + 1)]]) };
        const { status } = await attempt(each(clients, i), handle, record, next, version);
        if (status === "updated") return;
        assert.equal(status, "conflict");
      }
    });
    await assertEntries(clients.store, handle, { n: String(MANY) });
  },
};
