import assert from "node:assert/strict";
import type { Store } from "../../store.ts";
import {
  assertEntries,
  assertStored,
  type Cases,
  each,
  later,
  MANY,
  many,
  newHandle,
  newHash,
  newRecord,
  newUser,
  past,
  put,
  readLive,
  soon,
  tally,
  together,
  update,
} from "./fixtures.ts";

export const records: Cases<Store> = {
  async "what was never created is not there"({ store }) {
    assert.equal(await store.read(newHandle()), undefined);
  },

  async "a record comes back as it was created, every field"({ store }) {
    const { handle, record } = await put(store, {
      previousHash: newHash(),
      graceUntil: soon() + 1,
      entries: new Map([["cart", '["tea"]']]),
      userId: newUser(),
      createdAt: past() + 2,
      authenticatedAt: past() + 3,
      touchedAt: past() + 4,
      expiresAt: later() + 5,
    });
    await assertStored(store, handle, record);
  },

  async "a field that is absent stays absent"({ store }) {
    const { handle, record } = await put(store);
    await assertStored(store, handle, record);
    const touch = { touchedAt: past(), expiresAt: later() };
    await update(store, handle, record, touch);
    await assertStored(store, handle, { ...record, ...touch, version: 2 });
  },

  async "what one client wrote the other one reads"({ store, other }) {
    const { handle, record } = await put(store);
    await assertStored(other, handle, record);
    await update(store, handle, record, { set: new Map([["a", "1"]]) });
    await assertEntries(other, handle, { a: "1" });
    await store.delete(handle);
    assert.equal(await other.read(handle), undefined);
  },

  async "handles that differ in case alone are two"({ store }) {
    const { handle, record } = await put(store, {}, `${newHandle()}aB`);
    const twin = await put(store, {}, `${handle.slice(0, -2)}Ab`);
    await assertStored(store, handle, record);
    await assertStored(store, twin.handle, twin.record);
  },

  async "create never overwrites"({ store }) {
    const { handle, record } = await put(store, { entries: new Map([["a", "1"]]) });
    assert.equal(await store.create(handle, newRecord({ entries: new Map([["b", "2"]]) })), "exists");
    await assertStored(store, handle, record);
  },

  async "of many creates under one handle exactly one wins"(clients) {
    const handle = newHandle();
    const candidates = many(MANY, () => newRecord());
    const answers = await together(MANY, async (i, arrive) => {
      await arrive();
      return each(clients, i).create(handle, candidates[i]!);
    });
    assert.deepEqual(tally(answers), { created: 1, exists: MANY - 1 });
    await assertStored(clients.store, handle, candidates[answers.indexOf("created")]!);
  },
};

export const copies: Cases<Store> = {
  async "what was handed in may change afterwards, the store's record doesn't"({ store }) {
    const created = new Map([["a", "1"]]);
    const { handle, record } = await put(store, { entries: created });
    const { secretHash } = record;
    created.set("a", "bent");
    Object.assign(record, { secretHash: newHash() });
    assert.equal((await readLive(store, handle)).secretHash, secretHash);
    await assertEntries(store, handle, { a: "1" });
    const set = new Map([["b", "2"]]);
    await update(store, handle, { secretHash }, { set });
    set.set("b", "bent");
    await assertEntries(store, handle, { a: "1", b: "2" });
  },

  async "what was read may be changed, the store's record isn't"({ store }) {
    const { handle } = await put(store, { entries: new Map([["a", "1"]]) });
    const read = await readLive(store, handle);
    Object.assign(read, { version: 99 });
    (read.entries as Map<string, string>).set("a", "bent");
    assert.equal((await readLive(store, handle)).version, 1);
    await assertEntries(store, handle, { a: "1" });
  },

  async "what was read doesn't change with a later update"({ store }) {
    const { handle, record } = await put(store, { entries: new Map([["a", "1"]]) });
    const read = await readLive(store, handle);
    await update(store, handle, record, { set: new Map([["a", "2"]]) });
    assert.deepEqual([read.version, read.entries], [1, new Map([["a", "1"]])]);
  },
};
