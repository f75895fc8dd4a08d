import type { SessionRecord } from "../../src/store.ts";
import {
  type Breakage,
  bends,
  blank,
  copy,
  inserts,
  isLive,
  keeps,
  listsBy,
  sweepsByFirstExpiry,
  updatesIf,
  updatesInTwoSteps,
} from "./plain.ts";

/** By the case that catches them: stores broken in one place. */
export const broken: Record<string, Record<string, Breakage>> = {
  "what was never created is not there": {
    "serves an empty record for none": (store) => ({ read: async (handle) => (await store.read(handle)) ?? blank() }),
  },
  "a record comes back as it was created, every field": {
    "loses a field": keeps(({ authenticatedAt: _, ...record }) => record),
  },
  "a field that is absent stays absent": {
    "fills in a field": keeps((record) => ({ ...record, graceUntil: record.graceUntil ?? 0 })),
  },
  "what one client wrote the other one reads": {
    "reads from a cache of its own": (store) => {
      const cache = new Map<string, SessionRecord | undefined>();
      return {
        async read(handle) {
          if (!cache.has(handle)) cache.set(handle, await store.read(handle));
          return cache.get(handle);
        },
      };
    },
  },
  "handles that differ in case alone are two": {
    "compares handles without case": (store) => ({
      read: (handle) => store.read(handle.toLowerCase()),
      async create(handle, record) {
        await store.create(handle.toLowerCase(), record);
        return "created" as const;
      },
    }),
  },
  "create never overwrites": {
    "overwrites on create": (_, records) => ({
      async create(handle, record) {
        records.set(handle, copy(record));
        return "created" as const;
      },
    }),
  },
  "of many creates under one handle exactly one wins": {
    "looks before it creates, in two steps": (_, records) => ({
      async create(handle, record) {
        if (records.has(handle)) return "exists";
        await Promise.resolve();
        records.set(handle, copy(record));
        return "created" as const;
      },
    }),
  },
  "what was handed in may change afterwards, the store's record doesn't": {
    "keeps the Map it was given": (_, records) => ({
      async create(handle, record) {
        records.set(handle, record);
        return "created" as const;
      },
    }),
  },
  "what was read may be changed, the store's record isn't": {
    "serves the Map it keeps": (_, records) => ({ read: async (handle) => records.get(handle) }),
  },
  "what was read doesn't change with a later update": {
    "changes in place what it has served": (store, records) => ({
      read: async (handle) => records.get(handle),
      async update(handle, change, condition) {
        const record = records.get(handle)!;
        const result = await store.update(handle, change, condition);
        records.set(handle, Object.assign(record, records.get(handle)));
        return result;
      },
    }),
  },
  "a record may have no entries": {
    "takes a record without entries for none": (store) => ({
      async read(handle) {
        const record = await store.read(handle);
        return record?.entries.size ? record : undefined;
      },
    }),
  },
  ...Object.fromEntries(
    Object.entries<(text: string) => string | undefined>({
      "the empty string": (text) => text || undefined,
      NUL: (text) => text.split("\0")[0],
      "a control character and line ends": (text) => text.replaceAll("\r\n", "\n"),
      "spaces around": (text) => text.trimEnd(),
      ["__proto__"]: (text) => (text === "__proto__" ? undefined : text),
      constructor: (text: string) => (text in {} ? undefined : text),
      toString: (text: string) => (text in {} ? undefined : text),
      null: (text) => (text === "null" ? undefined : text),
      undefined: (text) => (text === "undefined" ? undefined : text),
      "an array's index": (text) => (text === "0" ? undefined : text),
      "a number": (text) => (text === "10" ? "10.0" : text),
      "2^53 + 1, which no double holds": (text) => (/^\d+$/.test(text) ? String(Number(text)) : text),
      "an emoji": (text) => text.replace(/[\u{10000}-\u{10ffff}]/gu, "?"),
      Hangul: (text) => Buffer.from(text, "latin1").toString("latin1"),
      "the JSON escape of a lone surrogate": (text) => text.replace("\\ud800", "\ufffd"),
      quotes: (text) => text.replaceAll("'", "''"),
      backslashes: (text) => text.replaceAll("\\\\", "\\"),
      JSON: (text) => (text.startsWith("{") ? "[object Object]" : text),
      "a JSON path": (text) => (text.startsWith("$") ? undefined : text),
      dots: (text) => text.split(".")[0],
      wildcards: (text) => text.replaceAll("%", ""),
      placeholders: (text) => text.replace("?1", "NULL"),
      SQL: (text) => text.split("--")[0],
      "a very long one": (text) => text.slice(0, 255),
    }).map(([what, bend]) => [`any text is a name and a value: ${what}`, { [`bends ${what}`]: bends(bend) }]),
  ),
  "names that look alike are different names": {
    "folds names": bends((text) => text.normalize("NFKC").toLowerCase()),
  },
  "a text may be 1 MiB": {
    "cuts texts at 64 KiB": bends((text) => text.slice(0, 65_535)),
  },
  "a record may have 200 entries": {
    "keeps 100 entries": keeps((record) => ({ ...record, entries: new Map([...record.entries].slice(0, 100)) })),
  },
  "an update sets, removes, and leaves the other entries as they are": {
    "keeps the entries of the change alone": keeps((record, change) => ({
      ...record,
      entries: new Map(change?.set ?? record.entries),
    })),
  },
  "removing a name that is not there is no error": {
    "answers gone where a name is not there": (store, records) => ({
      async update(handle, change, condition) {
        if (change.remove?.some((name) => !records.get(handle)?.entries.has(name))) return { status: "gone" };
        return store.update(handle, change, condition);
      },
    }),
  },
  "of several entries that an update removes it forgets none, in whatever order they come": {
    "looks for a name behind the last one that it has found": (store, records) => ({
      update(handle, change, condition) {
        const names = [...(records.get(handle)?.entries.keys() ?? [])];
        const remove = change.remove?.filter(
          (name, i, all) => i === 0 || names.indexOf(name) > names.indexOf(all[i - 1]!),
        );
        return store.update(handle, { ...change, remove }, condition);
      },
    }),
  },
  "an update that removes an entry loses none that it sets": {
    "only removes, where it removes": (store) => ({
      update: (handle, { set, ...change }, condition) =>
        store.update(
          handle,
          { ...change, set: change.remove?.includes("a") && set?.has("0") ? undefined : set },
          condition,
        ),
    }),
  },
  "the fields that a change names are taken over, all others stay": {
    "clears the time of login with the next change": keeps(({ authenticatedAt: _, ...record }, change) => ({
      ...record,
      ...(change?.authenticatedAt !== undefined && { authenticatedAt: change.authenticatedAt }),
    })),
  },
  "a field of a change that is undefined is one that it doesn't name": {
    "spreads the change over the record": keeps((record, { userId, authenticatedAt } = record) => ({
      ...record,
      userId,
      authenticatedAt,
    })),
  },
  "the version rises by exactly one with every update": {
    "doesn't raise the version": keeps((record) => ({ ...record, version: 1 })),
  },
  "overlapping updates each raise the version": {
    "updates in two steps": updatesInTwoSteps,
  },
  "overlapping updates of different entries all win": {
    "updates in two steps": updatesInTwoSteps,
  },
  "of two updates of one entry the later one wins": {
    "sets an entry but once": (store, records) => ({
      update(handle, change, condition) {
        const set = new Map([...(change.set ?? []), ...(records.get(handle)?.entries ?? [])]);
        return store.update(handle, { ...change, set }, condition);
      },
    }),
  },
  "an update at the version it names goes in": {
    "answers conflict to any version": (store) => ({
      async update(handle, change, condition) {
        return condition.ifVersion === undefined ? store.update(handle, change, condition) : { status: "conflict" };
      },
    }),
  },
  "an update at any other version is a conflict, and writes nothing": {
    "ignores ifVersion": (store) => ({
      update: (handle, change, { secretHash }) => store.update(handle, change, { secretHash }),
    }),
    "answers conflict, but writes": (store, records) => ({
      async update(handle, change, { secretHash, ifVersion }) {
        const conflict = ifVersion !== undefined && ifVersion !== records.get(handle)?.version;
        const result = await store.update(handle, change, { secretHash });
        return conflict ? { status: "conflict" } : result;
      },
    }),
  },
  "of many updates at one version exactly one wins": {
    "updates in two steps": updatesInTwoSteps,
  },
  "many increments, each retried on conflict, lose no count": {
    "updates in two steps": updatesInTwoSteps,
  },
  "a logout survives a slow request: update after delete is gone": {
    "inserts on update": inserts,
  },
  "a logout survives many slow requests: updates that race one delete leave nothing": {
    "updates in two steps": updatesInTwoSteps,
  },
  "an update never inserts": {
    "inserts on update": inserts,
  },
  "delete answers whether there was a live record, and repeating it is no error": {
    "answers for an expired record as for a live one": (_, records) => ({
      delete: async (handle) => records.delete(handle),
    }),
  },
  "delete leaves other records alone": {
    "empties itself on delete": (store, records) => ({
      async delete(handle) {
        const found = await store.delete(handle);
        records.clear();
        return found;
      },
    }),
  },
  "of many deletes of one record exactly one finds it": {
    "looks before it deletes, in two steps": (store, records) => ({
      async delete(handle) {
        const found = records.has(handle);
        await Promise.resolve();
        await store.delete(handle);
        return found;
      },
    }),
  },
  "an expired record is not served": {
    "serves expired records": (_, records) => ({ read: async (handle) => records.get(handle) }),
  },
  "an update doesn't revive an expired record": {
    "updates expired records": (store, records) => ({
      update(handle, change, condition) {
        const record = records.get(handle);
        if (record) records.set(handle, { ...record, expiresAt: change.expiresAt });
        return store.update(handle, change, condition);
      },
    }),
  },
  "the expiry moves with a change, also to an earlier time": {
    "only ever prolongs a life": (store, records) => ({
      update(handle, change, condition) {
        const expiresAt = Math.max(change.expiresAt, records.get(handle)?.expiresAt ?? 0);
        return store.update(handle, { ...change, expiresAt }, condition);
      },
    }),
  },
  "an update with a wrong secret is gone, and writes nothing": {
    "ignores the secret": updatesIf(() => true),
  },
  "gone wins over conflict": {
    "looks at the version before the secret": (store, records) => ({
      async update(handle, change, condition) {
        const version = records.get(handle)?.version;
        if (version && condition.ifVersion && version !== condition.ifVersion) return { status: "conflict" };
        return store.update(handle, change, condition);
      },
    }),
  },
  "a rotation makes the new secret the current one, and the old one the previous one": {
    "forgets the secret before": keeps(({ previousHash: _, ...record }) => record),
  },
  "within its grace the previous secret writes, and leaves the current one as it is": {
    "accepts the current secret alone": keeps((record, change) =>
      change?.rotate ? { ...record, graceUntil: 0 } : record,
    ),
    "makes the secret that wrote the current one": (store, records) => ({
      async update(handle, change, condition) {
        const result = await store.update(handle, change, condition);
        const record = records.get(handle);
        if (record && !change.rotate) records.set(handle, { ...record, secretHash: condition.secretHash });
        return result;
      },
    }),
  },
  "after its grace the previous secret is gone": {
    "accepts a superseded secret": updatesIf((record, secretHash) => secretHash === record.previousHash),
  },
  "after two rotations the oldest secret is gone, whatever grace it had": {
    "accepts every secret it ever had": (store, records) => {
      const former = new Set<string>();
      return {
        update(handle, change, condition) {
          const current = records.get(handle)?.secretHash ?? "";
          former.add(current);
          const secretHash = former.has(condition.secretHash) ? current : condition.secretHash;
          return store.update(handle, change, { ...condition, secretHash });
        },
      };
    },
  },
  "a rotation by the previous secret supersedes the current one": {
    "makes the secret that rotated the previous one": (store, records) => ({
      async update(handle, change, condition) {
        const result = await store.update(handle, change, condition);
        const record = records.get(handle);
        if (record && change.rotate) records.set(handle, { ...record, previousHash: condition.secretHash });
        return result;
      },
    }),
  },
  "a request from before a login can't write into the session after it: of many rotations without grace one wins": {
    "updates in two steps": updatesInTwoSteps,
  },
  "a sweep removes several thousand expired records and spares the live ones": {
    "sweeps 100 records and no more": (_, records) => ({
      async sweep(now) {
        const expired = [...records].filter(([, record]) => record.expiresAt <= now).slice(0, 100);
        return expired.filter(([handle]) => records.delete(handle)).length;
      },
    }),
    "sweeps live records with the expired ones": (_, records) => ({
      async sweep() {
        const swept = records.size;
        records.clear();
        return swept;
      },
    }),
  },
  "a sweep goes by the time it is given": {
    "sweeps by a clock of its own": (store) => ({ sweep: () => store.sweep(Date.now()) }),
  },
  "a sweep spares a record whose expiry has moved on": {
    "sweeps by the expiry at creation": sweepsByFirstExpiry(),
  },
  "a sweep finds a record whose expiry has moved to an earlier time": {
    "sweeps by the expiry at creation": sweepsByFirstExpiry(),
  },
  "a sweep never removes a record that an update has just kept alive": {
    "sweeps in two steps": (_, records) => ({
      async sweep(now) {
        const expired = [...records].filter(([, record]) => record.expiresAt <= now);
        await Promise.resolve();
        return expired.filter(([handle]) => records.delete(handle)).length;
      },
    }),
  },
  "list answers the user's records, the most lately touched first": {
    "lists in the order of creation": listsBy(({ userId }) => userId),
  },
  "a user without records has an empty list, and nothing to delete": {
    "lists a record for an unknown user": (store) => ({
      async list(userId) {
        const own = await store.list(userId);
        return own.length > 0 ? own : [{ handle: "blank", record: blank() }];
      },
    }),
  },
  "records without a user are in nobody's list": {
    "takes nobody for a user named undefined": listsBy(({ userId }) => String(userId)),
  },
  "a login by update puts the record in the user's list": {
    "indexes at creation alone": listsBy(({ userId, version }, before) => (version === 1 ? userId : before)),
  },
  "a record that moves to another user moves from list to list": {
    "keeps a record with its first user": listsBy(({ userId }, before) => before ?? userId),
  },
  "a record that an update only touches stays in the user's list": {
    "clears the user with the next change": keeps(({ userId, ...record }, change) => ({
      ...record,
      ...(!change && userId !== undefined && { userId }),
    })),
  },
  "an expired record is not listed": {
    "lists expired records": (_, records) => ({
      async list(userId) {
        const own = [...records].filter(([, record]) => record.userId === userId);
        return own.map(([handle, record]) => ({ handle, record }));
      },
    }),
  },
  "a deleted record is not listed": {
    "leaves deleted records in its index": (store, records) => {
      const removed: { handle: string; record: SessionRecord }[] = [];
      return {
        delete(handle) {
          const record = records.get(handle);
          if (record) removed.push({ handle, record });
          return store.delete(handle);
        },
        async list(userId) {
          return [...(await store.list(userId)), ...removed.filter(({ record }) => record.userId === userId)];
        },
      };
    },
  },
  "deleteAll ends all of the user's sessions, and answers their handles": {
    "ends ten sessions of a user and no more": (store) => ({
      async deleteAll(userId) {
        const some = (await store.list(userId)).slice(0, 10).map(({ handle }) => handle);
        for (const handle of some) await store.delete(handle);
        return some;
      },
    }),
  },
  "deleteAll spares the record under `except`": {
    "ignores `except`": (store) => ({ deleteAll: (userId) => store.deleteAll(userId) }),
  },
  "deleteAll with another user's handle as `except` spares none": {
    "ends none if `except` is not there": (store) => ({
      async deleteAll(userId, options = {}) {
        const { except } = options;
        const own = await store.list(userId);
        if (except !== undefined && !own.some(({ handle }) => handle === except)) return [];
        return store.deleteAll(userId, options);
      },
    }),
  },
  "deleteAll leaves other users alone": {
    "ends everybody's sessions": (store, records) => ({
      async deleteAll(userId, options) {
        const ended = await store.deleteAll(userId, options);
        records.clear();
        return ended;
      },
    }),
  },
  "deleteAll removes expired records too, but does not answer them": {
    "leaves expired records where they are": (store, records) => ({
      async deleteAll(userId, options) {
        const expired = [...records].filter(([, record]) => !isLive(record));
        const ended = await store.deleteAll(userId, options);
        for (const [handle, record] of expired) records.set(handle, record);
        return ended;
      },
    }),
    "answers expired records as if they had been live": (_, records) => ({
      async deleteAll(userId) {
        const own = [...records].filter(([, record]) => record.userId === userId).map(([handle]) => handle);
        return own.filter((handle) => records.delete(handle));
      },
    }),
  },
  "a logout everywhere survives slow requests: updates that race deleteAll leave nothing": {
    "updates in two steps": updatesInTwoSteps,
  },
  "any text is a user id": {
    "takes an empty user id for none": listsBy(({ userId }) => userId || undefined),
  },
  "user ids that look alike are different users": {
    "folds user ids": (_, records) => ({
      async list(userId) {
        const own = [...records].filter(([, record]) => record.userId?.toLowerCase() === userId.toLowerCase());
        return own.map(([handle, record]) => ({ handle, record }));
      },
    }),
  },
  "a swept record is not listed": {
    "leaves swept records in its index": (store, records) => {
      const swept: { handle: string; record: SessionRecord }[] = [];
      return {
        sweep(now) {
          for (const [handle, record] of records) if (record.expiresAt <= now) swept.push({ handle, record });
          return store.sweep(now);
        },
        async list(userId) {
          return [...(await store.list(userId)), ...swept.filter(({ record }) => record.userId === userId)];
        },
      };
    },
  },
};

/** The same, of stores whose database removes expired records by itself. */
export const brokenSelfExpiring: Record<string, Record<string, Breakage>> = {
  "an expired record makes room without a sweep": { "leaves expired records to the sweep": () => ({}) },
  "a sweep spares what is live": {
    "sweeps everything": (_, records) => ({
      async sweep() {
        records.clear();
        return 0;
      },
    }),
  },
};
