import assert from "node:assert/strict";
import type { IndexedStore } from "../../store.ts";
import { hostile } from "./entries.ts";
import {
  assertStored,
  attempt,
  type Cases,
  each,
  GONE,
  handles,
  listed,
  MANY,
  many,
  newRecord,
  newUser,
  past,
  put,
  rotation,
  soon,
  together,
  update,
} from "./fixtures.ts";

export const users: Cases<IndexedStore> = {
  async "list answers the user's records, the most lately touched first"({ store, other }) {
    const userId = newUser();
    const base = past();
    const made = [];
    for (const age of [2, 0, 3, 1]) made.push(await put(store, { userId, touchedAt: base - age }));
    const [third, first, fourth, second] = made;
    assert.deepEqual(await other.list(userId), [first, second, third, fourth]);
    await update(store, fourth!.handle, fourth!.record, { touchedAt: base + 1 });
    assert.deepEqual(await listed(other, userId), handles(fourth, first, second, third));
  },

  async "a user without records has an empty list, and nothing to delete"({ store }) {
    assert.deepEqual(await store.list(newUser()), []);
    assert.deepEqual(await store.deleteAll(newUser()), []);
  },

  async "records without a user are in nobody's list"({ store }) {
    const { handle } = await put(store);
    for (const nobody of ["", "null", "undefined"])
      assert.ok(!(await listed(store, nobody)).includes(handle), JSON.stringify(nobody));
  },

  async "a login by update puts the record in the user's list"({ store }) {
    const userId = newUser();
    const { handle, record } = await put(store);
    await update(store, handle, record, { userId, rotate: rotation(0), authenticatedAt: past() });
    assert.deepEqual(await listed(store, userId), [handle]);
  },

  async "a record that moves to another user moves from list to list"({ store }) {
    const [before, after] = [newUser(), newUser()];
    const { handle, record } = await put(store, { userId: before });
    await update(store, handle, record, { userId: after });
    assert.deepEqual(await listed(store, before), []);
    assert.deepEqual(await listed(store, after), [handle]);
    assert.deepEqual(await store.deleteAll(before), []);
    assert.deepEqual(await store.deleteAll(after), [handle]);
  },

  async "a record that an update only touches stays in the user's list"({ store }) {
    const userId = newUser();
    const { handle, record } = await put(store, { userId });
    await update(store, handle, record, { set: new Map([["a", "1"]]) });
    assert.deepEqual(await listed(store, userId), [handle]);
  },

  async "an expired record is not listed"({ store }) {
    const userId = newUser();
    await put(store, { userId, expiresAt: past() });
    const { handle, record } = await put(store, { userId });
    assert.deepEqual(await listed(store, userId), [handle]);
    await update(store, handle, record, { expiresAt: past() });
    assert.deepEqual(await listed(store, userId), []);
  },

  async "a deleted record is not listed"({ store }) {
    const userId = newUser();
    const [deleted, kept] = [await put(store, { userId }), await put(store, { userId })];
    await store.delete(deleted.handle);
    assert.deepEqual(await listed(store, userId), handles(kept));
  },

  async "deleteAll ends all of the user's sessions, and answers their handles"({ store, other }) {
    const userId = newUser();
    const made = await Promise.all(many(50, () => put(store, { userId })));
    assert.deepEqual((await store.deleteAll(userId)).sort(), handles(...made).sort());
    assert.deepEqual(await other.list(userId), []);
    for (const { handle, record } of made) {
      assert.equal(await other.read(handle), undefined);
      assert.deepEqual(await attempt(other, handle, record, {}), GONE);
    }
  },

  async "deleteAll spares the record under `except`"({ store }) {
    const userId = newUser();
    const [own, lost] = [await put(store, { userId }), await put(store, { userId })];
    assert.deepEqual(await store.deleteAll(userId, { except: own.handle }), handles(lost));
    assert.deepEqual(await store.list(userId), [own]);
    assert.equal(await store.read(lost.handle), undefined);
  },

  async "deleteAll with another user's handle as `except` spares none"({ store }) {
    const userId = newUser();
    const [lost, stranger] = [await put(store, { userId }), await put(store, { userId: newUser() })];
    assert.deepEqual(await store.deleteAll(userId, { except: stranger.handle }), handles(lost));
    await assertStored(store, stranger.handle, stranger.record);
  },

  async "deleteAll leaves other users alone"({ store }) {
    const [userId, bystanders] = [newUser(), [await put(store, { userId: newUser() }), await put(store)]];
    await put(store, { userId });
    await store.deleteAll(userId);
    for (const { handle, record } of bystanders) await assertStored(store, handle, record);
  },

  async "deleteAll removes expired records too, but does not answer them"({ store }) {
    const userId = newUser();
    const expired = await put(store, { userId, expiresAt: past() });
    const live = await put(store, { userId });
    assert.deepEqual(await store.deleteAll(userId), handles(live));
    assert.equal(await store.create(expired.handle, newRecord()), "created");
  },

  async "a logout everywhere survives slow requests: updates that race deleteAll leave nothing"(clients) {
    const userId = newUser();
    const made = await Promise.all(many(MANY, () => put(clients.store, { userId })));
    await together(MANY + 1, async (i, arrive) => {
      await arrive();
      if (i === MANY) await clients.store.deleteAll(userId);
      else await attempt(each(clients, i), made[i]!.handle, made[i]!.record, { set: new Map([["a", "1"]]), userId });
    });
    assert.deepEqual(await clients.store.list(userId), []);
    for (const { handle } of made) assert.equal(await clients.store.read(handle), undefined);
  },

  async "any text is a user id"({ store }) {
    for (const [what, userId] of hostile) {
      const { handle } = await put(store, { userId });
      assert.ok((await listed(store, userId)).includes(handle), what);
      assert.ok((await store.deleteAll(userId)).includes(handle), what);
    }
  },

  async "user ids that look alike are different users"({ store }) {
    const own = newUser();
    const alike = [`${own}a`, `${own}A`, `${own}á`, `${own}a\u0301`, `${own}a `, own];
    const made = await Promise.all(alike.map((userId) => put(store, { userId })));
    for (const [i, userId] of alike.entries()) assert.deepEqual(await store.list(userId), [made[i]], userId);
    for (const [i, userId] of alike.entries()) assert.deepEqual(await store.deleteAll(userId), handles(made[i]));
  },
};

/** Of stores that need the sweep. */
export const sweptUsers: Cases<IndexedStore> = {
  async "a swept record is not listed"({ store }) {
    const userId = newUser();
    const [swept, kept] = [await put(store, { userId, expiresAt: soon() }), await put(store, { userId })];
    await store.sweep(soon() + 1000);
    await store.create(swept.handle, newRecord());
    assert.deepEqual(await listed(store, userId), handles(kept));
  },
};
