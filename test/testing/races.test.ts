import { AssertionError } from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type RaceCase, raceCases } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import { operations } from "../../src/testing/races/operations.ts";
import { promises } from "../../src/testing/races/promises.ts";
import { explore, perform } from "../../src/testing/races/schedule.ts";
import {
  type Breakage,
  correct,
  inserts,
  isLive,
  keeps,
  listsBy,
  open,
  updatesIf,
  updatesInTwoSteps,
} from "./plain.ts";

describe("races", () => {
  const store = correct(new Map());
  const cases = raceCases(() => store);

  describe("are run to the end by a correct store", () => {
    for (const { name, run } of cases) it(name, run);
  });

  it("are of every ordered pair", () => {
    expect(cases).toHaveLength(Object.keys(operations).length ** 2);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it("go through every interleaving", async () => {
    const played: Record<string, number> = {};
    for (const { name, run } of cases) played[name] = await run();
    // Of two sessions each. As many as ways over a grid, with diagonals where two calls come at once: two that read don't.
    expect(played["read × read"]).toBe(2 * 2);
    expect(played["revokeAll × read"]).toBe(2 * 3);
    expect(played["revokeAll × revokeAll"]).toBe(2 * 3);
    expect(played["write another entry × write another entry"]).toBe(2 * 10);
    const all = Object.values(played).reduce((sum, each) => sum + each, 0);
    expect(all).toBe(2680);
  });

  describe("catch a store that", () => {
    for (const [promise, breakages] of Object.entries(broken))
      for (const [what, [name, breakage]] of Object.entries(breakages))
        it(`${what}, by ${name}`, async () => {
          const records = new Map();
          const failure = await named(
            name,
            raceCases(() => open(records, breakage)),
          )
            .run()
            .catch((error) => error);
          expect(failure).toBeInstanceOf(AssertionError);
          expect(failure.message.split("\n")[0]).toBe(promise);
        });
  });

  it("hold to no promise that catches nothing", () => {
    expect(Object.keys(broken)).toEqual(Object.keys(promises));
  });

  it("tell the order of the calls that broke a promise", async () => {
    const records = new Map();
    const { run } = named(
      "write another entry × destroy",
      raceCases(() => open(records, inserts)),
    );
    await expect(run()).rejects.toThrow(
      / {2}a read: version 1\n {2}b read: version 1\n {2}b delete: true\n {2}a update: /,
    );
  });

  it("spare a store without an index the logout everywhere", () => {
    const names = raceCases(() => store, { indexed: false }).map(({ name }) => name);
    expect(names.filter((name) => /revokeAll/.test(name))).toEqual([]);
    expect(names).toHaveLength((Object.keys(operations).length - 1) ** 2);
  });

  it("say so when a store has no index, and nobody has said that", async () => {
    const { list: _, ...plain } = store;
    await expect(raceCases(() => plain as typeof store)[0]!.run()).rejects.toThrow("indexed: false");
  });
});

/** By the promise that they break: what a store does, the race that shows it, and how. */
const broken: Record<string, Record<string, [race: string, breakage: Breakage]>> = {
  "a request that was refused is told so by session-gone, and no other fails": {
    "is locked while it updates": [
      "touch × write another entry",
      (store, records) => ({
        async update(handle, change, condition) {
          if (locks.has(records)) throw new Error("database is locked");
          locks.add(records);
          await setImmediate();
          locks.delete(records);
          return store.update(handle, change, condition);
        },
      }),
    ],
  },
  "the store serves the session while it lives, and not after it has ended": {
    "serves expired records": ["read × expire", (_, records) => ({ read: async (handle) => records.get(handle) })],
  },
  "a request sees all that was saved before it opened, and nothing else": {
    "serves entries as they were before the last change": ["write the same entry × read", lags()],
  },
  "an end is final: what comes after it writes nothing": {
    "inserts on update": ["write another entry × destroy", inserts],
    "updates expired records": [
      "write another entry × expire",
      (store, records) => ({
        async update(handle, change, condition) {
          const record = records.get(handle);
          if (record && !isLive(record)) records.set(handle, { ...record, expiresAt: change.expiresAt });
          return store.update(handle, change, condition);
        },
      }),
    ],
  },
  "a request from before a login or a new id writes nothing after it": {
    "ignores the secret": ["write the same entry × login", updatesIf(() => true)],
    "accepts a superseded secret": [
      "regenerate × write another entry",
      updatesIf((record, secretHash) => secretHash === record.previousHash),
    ],
  },
  "what was answered well is saved": {
    "takes every update for one of the version that was read": [
      "write the same entry × write another entry",
      (store) => {
        const versions = new Map<string, number | undefined>();
        return {
          async read(handle) {
            const record = await store.read(handle);
            versions.set(handle, record?.version);
            return record;
          },
          update: (handle, change, condition) =>
            store.update(handle, change, { ifVersion: versions.get(handle), secretHash: condition.secretHash }),
        };
      },
    ],
  },
  "any other change goes in, unless it is for a version that is past": {
    "ignores ifVersion": [
      "update × update",
      (store) => ({
        update: (handle, change, { secretHash }) => store.update(handle, change, { secretHash }),
      }),
    ],
  },
  "the version rises by one with each change": {
    "updates in two steps": ["write the same entry × touch", updatesInTwoSteps],
  },
  "the entries are what the requests make of them one after another: no change is lost, and what none touched stays": {
    "keeps the entries that were read, and the change's": [
      "write the same entry × write another entry",
      (store, records) => {
        const read = new Map();
        return {
          async read(handle) {
            const record = await store.read(handle);
            read.set(handle, record?.entries);
            return record;
          },
          async update(handle, change, condition) {
            const result = await store.update(handle, change, condition);
            const record = records.get(handle);
            if (record)
              records.set(handle, { ...record, entries: new Map([...read.get(handle), ...(change.set ?? [])]) });
            return result;
          },
        };
      },
    ],
  },
  "of several ends the first finds the session, and no other": {
    "looks before it deletes, in two steps": [
      "destroy × destroy",
      (store, records) => ({
        async delete(handle) {
          const found = records.has(handle);
          await Promise.resolve();
          await store.delete(handle);
          return found;
        },
      }),
    ],
    "answers for an expired record as for a live one": [
      "expire × revokeAll",
      (_, records) => ({
        async deleteAll(userId) {
          const own = [...records].filter(([, record]) => record.userId === userId).map(([handle]) => handle);
          return own.filter((handle) => records.delete(handle));
        },
      }),
    ],
  },
  "the session is there for every client of the store, or for none": {
    "puts back what an update has read before a delete": ["touch × destroy", updatesInTwoSteps],
  },
  "a new id by schedule leaves the one before it alive, for requests under way": {
    "accepts the current secret alone": [
      "write the same entry × renew",
      keeps((record, change) => (change?.rotate ? { ...record, graceUntil: 0 } : record)),
    ],
  },
  "the newest id opens the session, and no other but one in its grace": {
    "keeps the secret that it had": [
      "read × regenerate",
      (store) => ({
        update: (handle, { rotate: _, ...change }, condition) => store.update(handle, change, condition),
      }),
    ],
  },
  "a login hands no user's session to another": {
    "doesn't tell whose a new session is": [
      "login of another user × read",
      (store) => ({
        async read(handle) {
          const record = await store.read(handle);
          if (record?.version !== 1) return record;
          const { userId: _, ...nobodys } = record;
          return nobodys;
        },
      }),
    ],
  },
  "the session is its user's, and in that user's list alone": {
    "lists by the user at creation": [
      "login × read",
      listsBy(({ userId, version }, before) => (version === 1 ? userId : before)),
    ],
  },
  "a request without a session begins one of its own, with nothing in it but what that request put there": {
    "loses a new record's only entry": [
      "destroy × write another entry",
      keeps((record, change) => (change || record.entries.size > 1 ? record : { ...record, entries: new Map() })),
    ],
  },
  "a request that a new id has overtaken leaves its client the cookie of that id": {
    "forgets the secret before": ["login × write the same entry", keeps(({ previousHash: _, ...record }) => record)],
  },
};

/** As a replica does that is behind. */
function lags(): Breakage {
  const before = new Map<string, ReadonlyMap<string, string>>();
  return (store, records) => ({
    async read(handle) {
      const record = await store.read(handle);
      return record && { ...record, entries: before.get(handle) ?? record.entries };
    },
    update(handle, change, condition) {
      const entries = records.get(handle)?.entries;
      if (entries) before.set(handle, entries);
      return store.update(handle, change, condition);
    },
  });
}

const locks = new WeakSet<object>();

const named = (name: string, cases: readonly RaceCase[]): RaceCase => cases.find((one) => one.name === name)!;

describe("a performer", () => {
  it("stands before each call until it is let through", async () => {
    const done: string[] = [];
    const performer = perform(async (gate) => {
      for (const call of ["one", "two"]) done.push(await gate({ call }, async () => `${call} is in`));
    });
    await performer.begun;
    expect([performer.next, done]).toEqual([{ call: "one" }, []]);
    await performer.advance();
    expect([performer.next, done]).toEqual([{ call: "two" }, ["one is in"]]);
    await performer.advance();
    expect([performer.next, done]).toEqual([undefined, ["one is in", "two is in"]]);
  });

  it("that fails says so where it was let through", async () => {
    const performer = perform(async (gate) => {
      await gate({}, () => {
        throw new Error("down");
      });
    });
    await performer.begun;
    await expect(performer.advance()).rejects.toThrow("down");
  });
});

describe("an exploration", () => {
  it("goes each way once", async () => {
    const ways: number[][] = [];
    const played = await explore(async (choose) => {
      const first = choose(3);
      ways.push(first === 1 ? [first] : [first, choose(2)]);
    });
    expect(ways).toEqual([[0, 0], [0, 1], [1], [2, 0], [2, 1]]);
    expect(played).toBe(5);
  });

  it("goes no way that is there no longer", async () => {
    let left = 3;
    const played = await explore(async (choose) => void choose(left--));
    expect(played).toBe(2);
  });
});
