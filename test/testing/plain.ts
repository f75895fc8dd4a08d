import { acceptsSecret, applyChange, type Change, type IndexedStore, type SessionRecord } from "../../src/store.ts";

export type Records = Map<string, SessionRecord>;

export const isLive = (record: SessionRecord) => record.expiresAt > Date.now();
export const copy = (record: SessionRecord): SessionRecord => ({ ...record, entries: new Map(record.entries) });

/** A store that keeps the contract, as plain as can be, to be broken in one place at a time. */
export function correct(records: Records): IndexedStore {
  const live = (handle: string) => {
    const record = records.get(handle);
    return record && isLive(record) ? record : undefined;
  };
  const remove = (handle: string) => {
    const record = live(handle);
    records.delete(handle);
    return record !== undefined;
  };
  return {
    async read(handle) {
      const record = live(handle);
      return record && copy(record);
    },
    async create(handle, record) {
      if (records.has(handle)) return "exists";
      records.set(handle, copy(record));
      return "created";
    },
    async update(handle, change, { secretHash, ifVersion }) {
      const record = live(handle);
      if (!record || !acceptsSecret(record, secretHash, Date.now())) return { status: "gone" };
      if (ifVersion !== undefined && ifVersion !== record.version) return { status: "conflict" };
      const next = applyChange(record, change);
      records.set(handle, next);
      return { status: "updated", version: next.version };
    },
    delete: async (handle) => remove(handle),
    async sweep(now) {
      let swept = 0;
      for (const [handle, { expiresAt }] of records) if (expiresAt <= now && records.delete(handle)) swept++;
      return swept;
    },
    async list(userId) {
      return [...records]
        .filter(([, record]) => record.userId === userId && isLive(record))
        .map(([handle, record]) => ({ handle, record: copy(record) }))
        .sort((a, b) => b.record.touchedAt - a.record.touchedAt);
    },
    async deleteAll(userId, { except } = {}) {
      const own = [...records].filter(([handle, record]) => record.userId === userId && handle !== except);
      return own.map(([handle]) => handle).filter(remove);
    },
    async close() {},
  };
}

/** What a broken store does instead. It is made anew for each client. */
export type Breakage = (store: IndexedStore, records: Records) => Partial<IndexedStore>;

export const open = (records: Records, breakage: Breakage): IndexedStore => {
  const store = correct(records);
  return { ...store, ...breakage(store, records) };
};

/** Keeps something else than it was given. */
export const keeps =
  (bend: (record: SessionRecord, change?: Change) => SessionRecord): Breakage =>
  (store, records) => ({
    async create(handle, record) {
      const answer = await store.create(handle, record);
      if (answer === "created") records.set(handle, bend(records.get(handle)!));
      return answer;
    },
    async update(handle, change, condition) {
      const answer = await store.update(handle, change, condition);
      if (answer.status === "updated") records.set(handle, bend(records.get(handle)!, change));
      return answer;
    },
  });

/** Bends names and texts; undefined loses the entry. */
export const bends = (bend: (text: string) => string | undefined): Breakage =>
  keeps((record) => {
    const entries = new Map<string, string>();
    for (const [name, text] of record.entries) {
      const [bentName, bentText] = [bend(name), bend(text)];
      if (bentName !== undefined && bentText !== undefined) entries.set(bentName, bentText);
    }
    return { ...record, entries };
  });

/** Updates by reading and writing with a pause between, as two statements without a transaction do. */
export const updatesWith =
  (pause: () => Promise<unknown>): Breakage =>
  (_, records) => ({
    async update(handle, change, { secretHash, ifVersion }) {
      const record = records.get(handle);
      if (!record || !isLive(record) || !acceptsSecret(record, secretHash, Date.now())) return { status: "gone" };
      if (ifVersion !== undefined && ifVersion !== record.version) return { status: "conflict" };
      await pause();
      const next = applyChange(record, change);
      records.set(handle, next);
      return { status: "updated", version: next.version };
    },
  });

export const updatesInTwoSteps: Breakage = updatesWith(() => Promise.resolve());

/** Applies a change to whatever record there is, if the condition holds. */
export const updatesIf =
  (condition: (record: SessionRecord, secretHash: string) => boolean): Breakage =>
  (store, records) => ({
    async update(handle, change, given) {
      const record = records.get(handle);
      const secretHash = record && condition(record, given.secretHash) ? record.secretHash : given.secretHash;
      return store.update(handle, change, { ...given, secretHash });
    },
  });

export const inserts: Breakage = (store, records) => ({
  async update(handle, change, condition) {
    const { secretHash } = condition;
    const { touchedAt, expiresAt, set: entries = new Map() } = change;
    if (!records.has(handle))
      records.set(handle, { secretHash, entries, createdAt: touchedAt, touchedAt, expiresAt, version: 0 });
    return store.update(handle, change, condition);
  },
});

/** Keeps an index by user of its own, that it never mends. */
export const listsBy = (userOf: (record: SessionRecord, before?: string) => string | undefined): Breakage => {
  const index = new Map<string, string>();
  const file = (handle: string, record: SessionRecord | undefined) => {
    const userId = record && userOf(record, index.get(handle));
    if (userId !== undefined) index.set(handle, userId);
  };
  return (store, records) => ({
    async create(handle, record) {
      file(handle, record);
      return store.create(handle, record);
    },
    async update(handle, change, condition) {
      const result = await store.update(handle, change, condition);
      file(handle, records.get(handle));
      return result;
    },
    async list(userId) {
      const all = [...records].filter(([handle, record]) => index.get(handle) === userId && isLive(record));
      return all.map(([handle, record]) => ({ handle, record }));
    },
  });
};
export function sweepsByFirstExpiry(): Breakage {
  const expiries = new Map<string, number>();
  return (store, records) => ({
    create(handle, record) {
      expiries.set(handle, record.expiresAt);
      return store.create(handle, record);
    },
    async sweep(now) {
      const expired = [...records.keys()].filter((handle) => expiries.get(handle)! <= now);
      return expired.filter((handle) => records.delete(handle)).length;
    },
  });
}

export function blank(): SessionRecord {
  const now = Date.now();
  return { secretHash: "", entries: new Map(), createdAt: now, touchedAt: now, expiresAt: now + 1000, version: 1 };
}
