import assert from "node:assert/strict";
import type { Store } from "../../store.ts";
import { assertStored, attempt, type Cases, later, many, newRecord, past, put, soon, update } from "./fixtures.ts";

export const sweeps: Cases<Store> = {
  async "a sweep removes several thousand expired records and spares the live ones"({ store }) {
    const made = await Promise.all(many(3000, (i) => put(store, { expiresAt: i % 3 ? past() : later() })));
    const swept = await store.sweep(Date.now());
    assert.ok(swept >= 2000, `2000 of the records had expired, but the sweep answered ${swept}`);
    for (const [i, { handle, record }] of made.entries()) {
      if (i % 3 === 0) await assertStored(store, handle, record);
      else assert.equal(await store.create(handle, newRecord()), "created");
    }
  },

  async "a sweep goes by the time it is given"({ store }) {
    const soonGone = await put(store, { expiresAt: soon() });
    assert.ok((await store.sweep(soon() + 1000)) >= 1);
    assert.equal(await store.create(soonGone.handle, newRecord()), "created");
  },

  async "a sweep spares a record whose expiry has moved on"({ store }) {
    const { handle, record } = await put(store, { expiresAt: soon() });
    const change = { touchedAt: record.touchedAt, expiresAt: later() };
    await update(store, handle, record, change);
    await store.sweep(soon() + 1000);
    await assertStored(store, handle, { ...record, ...change, version: 2 });
  },

  async "a sweep finds a record whose expiry has moved to an earlier time"({ store }) {
    const { handle, record } = await put(store);
    await update(store, handle, record, { expiresAt: past() });
    assert.ok((await store.sweep(Date.now())) >= 1);
    assert.equal(await store.create(handle, newRecord()), "created");
  },

  async "a sweep never removes a record that an update has just kept alive"({ store, other }) {
    const made = await Promise.all(many(200, () => put(store, { expiresAt: soon() })));
    const [, ...kept] = await Promise.all([
      store.sweep(soon() + 1000),
      ...made.map(({ handle, record }) => attempt(other, handle, record, { expiresAt: later() })),
    ]);
    for (const [i, { status }] of kept.entries())
      assert.equal((await store.read(made[i]!.handle)) !== undefined, status === "updated");
  },
};

/** Of stores whose database removes expired records by itself. */
export const selfExpiring: Cases<Store> = {
  async "an expired record makes room without a sweep"({ store }) {
    const expired = await put(store, { expiresAt: past() });
    assert.equal(await store.create(expired.handle, newRecord()), "created");
    const { handle, record } = await put(store);
    await update(store, handle, record, { expiresAt: past() });
    assert.equal(await store.create(handle, newRecord()), "created");
  },

  async "a sweep spares what is live"({ store }) {
    const { handle, record } = await put(store);
    await store.sweep(Date.now());
    await assertStored(store, handle, record);
  },
};
