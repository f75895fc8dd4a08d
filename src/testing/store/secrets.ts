import assert from "node:assert/strict";
import type { Store } from "../../store.ts";
import {
  assertEntries,
  assertStored,
  attempt,
  type Cases,
  each,
  GONE,
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
  rotation,
  soon,
  tally,
  together,
  update,
  updated,
} from "./fixtures.ts";

export const secrets: Cases<Store> = {
  async "an update with a wrong secret is gone, and writes nothing"({ store }) {
    const { handle, record } = await put(store);
    const all = { set: new Map([["a", "1"]]), userId: newUser(), expiresAt: later() + 1, rotate: rotation(0) };
    for (const secretHash of [newHash(), record.secretHash.toLowerCase(), "", "null", "undefined"])
      assert.deepEqual(await attempt(store, handle, { secretHash }, all), GONE);
    await assertStored(store, handle, record);
  },

  async "gone wins over conflict"({ store }) {
    const live = await put(store);
    const expired = await put(store, { expiresAt: past() });
    const rotated = await put(store, { previousHash: newHash(), graceUntil: past() });
    assert.deepEqual(await attempt(store, newHandle(), live.record, {}, 9), GONE);
    assert.deepEqual(await attempt(store, expired.handle, expired.record, {}, 9), GONE);
    assert.deepEqual(await attempt(store, live.handle, newRecord(), {}, 9), GONE);
    assert.deepEqual(await attempt(store, rotated.handle, { secretHash: rotated.record.previousHash! }, {}, 9), GONE);
  },

  async "a rotation makes the new secret the current one, and the old one the previous one"({ store }) {
    const { handle, record } = await put(store, { previousHash: newHash(), graceUntil: past() });
    const rotate = rotation(soon());
    await update(store, handle, record, { rotate, touchedAt: record.touchedAt, expiresAt: record.expiresAt });
    await assertStored(store, handle, { ...record, ...rotate, previousHash: record.secretHash, version: 2 });
    assert.deepEqual(await attempt(store, handle, rotate, {}), updated(3));
  },

  async "within its grace the previous secret writes, and leaves the current one as it is"({ store }) {
    const { handle, record } = await put(store);
    const rotate = rotation(soon());
    await update(store, handle, record, { rotate });
    assert.deepEqual(await attempt(store, handle, record, { set: new Map([["a", "1"]]) }), updated(3));
    const { secretHash, previousHash, graceUntil } = await readLive(store, handle);
    assert.deepEqual({ secretHash, previousHash, graceUntil }, { ...rotate, previousHash: record.secretHash });
    assert.deepEqual(await attempt(store, handle, rotate, {}), updated(4));
  },

  async "after its grace the previous secret is gone"({ store }) {
    for (const graceUntil of [0, past()]) {
      const { handle, record } = await put(store);
      const rotate = rotation(graceUntil);
      await update(store, handle, record, { rotate });
      assert.deepEqual(await attempt(store, handle, record, { set: new Map([["a", "1"]]) }), GONE);
      await assertEntries(store, handle, {});
      assert.deepEqual(await attempt(store, handle, rotate, {}), updated(3));
    }
  },

  async "after two rotations the oldest secret is gone, whatever grace it had"({ store }) {
    const { handle, record } = await put(store);
    const [second, third] = [rotation(soon()), rotation(soon())];
    await update(store, handle, record, { rotate: second });
    await update(store, handle, second, { rotate: third });
    assert.deepEqual(await attempt(store, handle, record, {}), GONE);
    assert.deepEqual(await attempt(store, handle, second, {}), updated(4));
    assert.deepEqual(await attempt(store, handle, third, {}), updated(5));
  },

  async "a rotation by the previous secret supersedes the current one"({ store }) {
    const { handle, record } = await put(store);
    const [second, third] = [rotation(soon()), rotation(soon())];
    await update(store, handle, record, { rotate: second });
    await update(store, handle, record, { rotate: third });
    const { secretHash, previousHash } = await readLive(store, handle);
    assert.deepEqual([secretHash, previousHash], [third.secretHash, second.secretHash]);
  },

  async "a request from before a login can't write into the session after it: of many rotations without grace one wins"(
    clients,
  ) {
    const { handle, record } = await put(clients.store);
    const rotations = many(MANY, () => rotation(0));
    const results = await together(MANY, async (i, arrive) => {
      await each(clients, i).read(handle);
      await arrive();
      return attempt(each(clients, i), handle, record, { rotate: rotations[i]!, userId: `user${i}` });
    });
    assert.deepEqual(tally(results.map(({ status }) => status)), { updated: 1, gone: MANY - 1 });
    const winner = results.findIndex(({ status }) => status === "updated");
    const { secretHash, userId } = await readLive(clients.store, handle);
    assert.deepEqual([secretHash, userId], [rotations[winner]!.secretHash, `user${winner}`]);
  },
};
