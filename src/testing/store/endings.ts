import assert from "node:assert/strict";
import type { Store } from "../../store.ts";
import {
  assertStored,
  attempt,
  type Cases,
  each,
  GONE,
  later,
  MANY,
  newHandle,
  newRecord,
  past,
  put,
  tally,
  together,
  update,
} from "./fixtures.ts";

export const endings: Cases<Store> = {
  async "a logout survives a slow request: update after delete is gone"({ store, other }) {
    const { handle, record } = await put(store);
    await other.read(handle);
    await store.delete(handle);
    assert.deepEqual(await attempt(other, handle, record, { set: new Map([["a", "1"]]) }), GONE);
    assert.equal(await store.read(handle), undefined);
  },

  async "a logout survives many slow requests: updates that race one delete leave nothing"(clients) {
    const { handle, record } = await put(clients.store);
    await together(MANY + 1, async (i, arrive) => {
      await each(clients, i).read(handle);
      await arrive();
      if (i === MANY / 2) assert.equal(await each(clients, i).delete(handle), true);
      else await attempt(each(clients, i), handle, record, { set: new Map([["a", String(i)]]) });
    });
    assert.equal(await clients.store.read(handle), undefined);
  },

  async "an update never inserts"({ store }) {
    const handle = newHandle();
    assert.deepEqual(await attempt(store, handle, newRecord(), { set: new Map([["a", "1"]]) }), GONE);
    assert.equal(await store.read(handle), undefined);
  },

  async "delete answers whether there was a live record, and repeating it is no error"({ store }) {
    const live = await put(store);
    const expired = await put(store, { expiresAt: past() });
    assert.equal(await store.delete(newHandle()), false);
    assert.equal(await store.delete(expired.handle), false);
    assert.equal(await store.delete(live.handle), true);
    assert.equal(await store.delete(live.handle), false);
    assert.equal(await store.read(live.handle), undefined);
  },

  async "delete leaves other records alone"({ store }) {
    const bystander = await put(store);
    await store.delete((await put(store)).handle);
    await assertStored(store, bystander.handle, bystander.record);
  },

  async "of many deletes of one record exactly one finds it"(clients) {
    const { handle } = await put(clients.store);
    const found = await together(MANY, async (i, arrive) => {
      await arrive();
      return each(clients, i).delete(handle);
    });
    assert.deepEqual(tally(found.map(String)), { true: 1, false: MANY - 1 });
  },

  async "an expired record is not served"({ store }) {
    const { handle } = await put(store, { expiresAt: past() });
    assert.equal(await store.read(handle), undefined);
  },

  async "an update doesn't revive an expired record"({ store }) {
    const { handle, record } = await put(store, { expiresAt: past() });
    assert.deepEqual(await attempt(store, handle, record, { expiresAt: later() }), GONE);
    assert.equal(await store.read(handle), undefined);
  },

  async "the expiry moves with a change, also to an earlier time"({ store }) {
    const { handle, record } = await put(store);
    await update(store, handle, record, { expiresAt: past() });
    assert.equal(await store.read(handle), undefined);
    assert.deepEqual(await attempt(store, handle, record, { expiresAt: later() }), GONE);
  },
};
