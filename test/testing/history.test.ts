import { AssertionError } from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { checkHistory, type HistoryOperation, type HistoryStart, historyCases } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import { type Breakage, correct, inserts, open, updatesIf, updatesWith } from "./plain.ts";

const START: HistoryStart = { id: "id 0", entries: { count: 0 } };

type Does<Kind> = Omit<Extract<HistoryOperation, { kind: Kind }>, "client" | "start" | "end" | "id" | "kind">;

/** An operation of client 1 with the first id. */
function op<Kind extends HistoryOperation["kind"]>(
  kind: Kind,
  [start, end]: readonly [number, number],
  does: Does<Kind> & { client?: number; id?: string },
): HistoryOperation {
  return { client: 1, id: START.id, start, end, kind, ...does } as unknown as HistoryOperation;
}

const explained = (...operations: HistoryOperation[]): boolean => checkHistory(START, operations).explained;

describe("a history", () => {
  it("of nothing is explained", () => {
    expect(checkHistory(START, [])).toEqual({ explained: true, order: [] });
  });

  it("is explained by an order that is true to the times, and it is told", () => {
    const read = op("open", [1, 6], { saw: { count: 1 } });
    const write = op("update", [2, 3], { client: 2, entry: "count", from: 0, to: 1, answer: "saved" });
    expect(checkHistory(START, [read, write])).toEqual({ explained: true, order: [write, read] });
    expect(explained({ ...read, end: 1 }, write)).toBe(false);
  });

  it("that can't be explained is told as far as it can", () => {
    const first = op("open", [1, 2], { saw: { count: 0 } });
    const wrong = op("open", [3, 4], { saw: { count: 7 } });
    expect(checkHistory(START, [wrong, first])).toEqual({ explained: false, order: [first], stuck: [wrong] });
  });

  it("loses no update", () => {
    const one = op("update", [1, 4], { entry: "count", from: 0, to: 1, answer: "saved" });
    const two = op("update", [2, 3], { client: 2, entry: "count", from: 0, to: 1, answer: "saved" });
    expect(explained(one, two)).toBe(false);
    expect(explained(one, { ...two, from: 1, to: 2 } as HistoryOperation)).toBe(true);
  });

  it("loses no entry that another request wrote at the same time", () => {
    const one = op("save", [1, 4], { set: { a: 1 }, answer: "saved" });
    const two = op("save", [2, 3], { client: 2, set: { b: 2 }, answer: "saved" });
    expect(explained(one, two, op("open", [5, 6], { saw: { count: 0, b: 2 } }))).toBe(false);
    expect(explained(one, two, op("open", [5, 6], { saw: { b: 2, count: 0, a: 1 } }))).toBe(true);
  });

  it("brings no session back that was ended", () => {
    const end = op("destroy", [1, 2], { answer: "saved" });
    expect(explained(end, op("open", [3, 4], { saw: { count: 0 } }))).toBe(false);
    expect(explained(end, op("save", [3, 4], { set: { a: 1 }, answer: "saved" }))).toBe(false);
    expect(explained(end, op("save", [3, 4], { set: { a: 1 }, answer: "gone" }))).toBe(true);
  });

  it("lets nothing in by an id that was replaced, and refuses no good one", () => {
    const login = op("rename", [1, 2], { newId: "id 1", answer: "saved" });
    for (const [id, answer] of [
      ["id 0", "gone"],
      ["id 1", "saved"],
    ] as const)
      for (const other of ["gone", "saved"] as const)
        expect(explained(login, op("save", [3, 4], { id, set: { a: 1 }, answer: other }))).toBe(other === answer);
  });

  it("may go on without an answer that never came, with what was asked for or without", () => {
    const lost = op("save", [1, Number.POSITIVE_INFINITY], { client: 2, set: { a: 1 }, answer: "unknown" });
    const sees = (from: number, saw: object) => op("open", [from, from + 1], { saw: { count: 0, ...saw } });
    expect(explained(lost, sees(2, {}), sees(4, {}))).toBe(true);
    expect(explained(lost, sees(2, {}), sees(4, { a: 1 }))).toBe(true);
    expect(explained(lost, sees(2, { a: 1 }), sees(4, {}))).toBe(false);
  });

  it("in which one client does two things at once is no history", () => {
    const one = op("open", [1, 3], { saw: { count: 0 } });
    expect(() => explained(one, { ...one, start: 2, end: 4 })).toThrow("client 1 does two things at once");
    expect(() => explained({ ...one, start: 4 })).toThrow("ends before it starts");
  });
});

/** What a client might do next, before anybody knows what it is answered. */
const intents = fc.record({
  client: fc.nat(3),
  kind: fc.constantFrom("open", "open", "save", "save", "update", "update", "rename", "destroy" as const),
  entry: fc.constantFrom("a", "b", "count"),
  value: fc.option(fc.nat(3), { nil: undefined }),
  /** How many ids it is behind. */
  behind: fc.constantFrom(0, 0, 0, 1),
  early: fc.nat(60),
  late: fc.nat(60),
});
type Intent = typeof intents extends fc.Arbitrary<infer Value> ? Value : never;

/** The history of who does these things one after another, each answered at its point, and seen from before it to after it. */
function historyOf(list: readonly Intent[]): HistoryOperation[] {
  const ids = [START.id];
  let isLive = true;
  const entries: Record<string, unknown> = { ...START.entries };
  const ends: number[] = [];
  return list.map(({ client, kind, entry, value, behind, early, late }, i): HistoryOperation => {
    const point = (i + 1) * 10;
    const next = list.findIndex((other, j) => j > i && other.client === client);
    const start = Math.max(point - early, (ends[client] ?? 0) + 1);
    const end = Math.min(point + late, next < 0 ? Number.POSITIVE_INFINITY : (next + 1) * 10 - 1);
    ends[client] = end;
    const id = ids.at(-1 - behind) ?? START.id;
    const opens = isLive && id === ids.at(-1);
    const answer = opens ? "saved" : "gone";
    const at = { client, id, start, end };
    switch (kind) {
      case "open":
        return { ...at, kind, saw: opens ? { ...entries } : undefined };
      case "save":
        if (opens && value === undefined) delete entries[entry];
        else if (opens) entries[entry] = value;
        return { ...at, kind, set: { [entry]: value }, answer };
      case "update": {
        const from = entries[entry];
        const to = Number(from ?? 0) + 1;
        if (opens) entries[entry] = to;
        return { ...at, kind, entry, from, to, answer };
      }
      case "rename":
        if (opens) ids.push(`id ${i + 1}`);
        return { ...at, kind, newId: `id ${i + 1}`, answer };
      default:
        isLive = false;
        return { ...at, kind, answer: "saved" };
    }
  });
}

const histories = (max: number) => fc.array(intents, { maxLength: max }).map(historyOf);
const after = (operations: readonly HistoryOperation[]): number => Math.max(0, ...operations.map(({ end }) => end)) + 1;

/** The entries and the id at the end of a history that ends alone; undefined where the session has ended. */
function stateAfter(list: readonly Intent[]): { id: string; saw: Record<string, unknown> } | undefined {
  const probe = { client: 9, kind: "open", entry: "a", value: 0, behind: 0, early: 0, late: 0 } as const;
  const last = historyOf([...list, probe]).at(-1)!;
  return last.kind === "open" && last.saw ? { id: last.id, saw: { ...last.saw } } : undefined;
}

describe("histories of a session that keeps the contract", () => {
  it("are explained, however they overlap", () => {
    const holds = (operations: HistoryOperation[]) => {
      const verdict = checkHistory(START, operations);
      expect(verdict.explained).toBe(true);
      expect(verdict.order).toHaveLength(operations.length);
    };
    fc.assert(fc.property(histories(60), holds), { numRuns: 500 });
  });

  const spoilt: Record<string, (now: number, state: NonNullable<ReturnType<typeof stateAfter>>) => HistoryOperation[]> =
    {
      "a lost update": (now, { id, saw }) => {
        const update = {
          id,
          entry: "count",
          from: saw.count,
          to: Number(saw.count ?? 0) + 1,
          answer: "saved",
        } as const;
        return [
          op("update", [now, now + 2], { ...update, client: 7 }),
          op("update", [now + 1, now + 3], { ...update, client: 8 }),
        ];
      },
      "a lost write": (now, { id, saw }) => [
        op("save", [now, now + 1], { id, client: 7, set: { a: "new" }, answer: "saved" }),
        op("open", [now + 2, now + 3], { id, client: 8, saw }),
      ],
      "a session that came back": (now, { id, saw }) => [
        op("destroy", [now, now + 1], { id, client: 7, answer: "saved" }),
        op("open", [now + 2, now + 3], { id, client: 8, saw }),
      ],
      "a write after a login by the id before": (now, { id }) => [
        op("rename", [now, now + 1], { id, client: 7, newId: "new", answer: "saved" }),
        op("save", [now + 2, now + 3], { id, client: 8, set: { a: 1 }, answer: "saved" }),
      ],
      "a write refused for nothing": (now, { id }) => [
        op("save", [now, now + 1], { id, client: 7, set: { a: 1 }, answer: "gone" }),
      ],
      "a value that nobody wrote": (now, { id, saw }) => [
        op("open", [now, now + 1], { id, client: 7, saw: { ...saw, a: "never written" } }),
      ],
    };
  for (const [what, spoil] of Object.entries(spoilt))
    it(`are not, with ${what} at the end`, () => {
      const fails = (list: Intent[]) => {
        const state = stateAfter(list);
        fc.pre(state !== undefined);
        // It comes to rest first: what still overlaps may explain more.
        const rested = historyOf(list.map((intent) => ({ ...intent, early: 0, late: 0 })));
        const spoilers = spoil(after(rested), state);
        expect(checkHistory(START, [...rested, ...spoilers]).explained).toBe(false);
      };
      fc.assert(fc.property(fc.array(intents, { maxLength: 20 }), fails), { numRuns: 200 });
    });

  it("are not, with a value in their midst that nobody wrote", () => {
    const fails = (operations: HistoryOperation[], pick: number) => {
      const seeing = operations.filter((each) => each.kind === "open" && each.saw);
      fc.pre(seeing.length > 0);
      const changed = seeing[pick % seeing.length];
      const spoiltOne = operations.map((each) => (each === changed ? { ...each, saw: { a: "never written" } } : each));
      expect(checkHistory(START, spoiltOne as HistoryOperation[]).explained).toBe(false);
    };
    fc.assert(fc.property(histories(40), fc.nat(), fails), { numRuns: 200 });
  });
});

/** Every order of a few operations, tried one by one, on a session as plain as can be. */
function isExplainedByAny(operations: readonly HistoryOperation[], session: Session = START): boolean {
  if (operations.length === 0) return true;
  return operations.some((one) => {
    const others = operations.filter((each) => each !== one);
    if (others.some(({ end }) => end < one.start)) return false;
    const next = step(session, one);
    return next !== undefined && isExplainedByAny(others, next);
  });
}

interface Session {
  id: string | undefined;
  entries: Readonly<Record<string, unknown>>;
}

function step(session: Session, one: HistoryOperation): Session | undefined {
  const opens = session.id === one.id;
  if (one.kind === "open") {
    const seen = opens ? session.entries : undefined;
    return JSON.stringify(sorted(seen)) === JSON.stringify(sorted(one.saw)) ? session : undefined;
  }
  if (one.kind === "destroy") return { ...session, id: undefined };
  if (one.answer === "gone") return opens ? undefined : session;
  if (!opens) return undefined;
  if (one.kind === "rename") return { ...session, id: one.newId };
  if (one.kind === "update" && session.entries[one.entry] !== one.from) return undefined;
  const set = one.kind === "save" ? one.set : { [one.entry]: one.to };
  return { ...session, entries: { ...session.entries, ...set } };
}

const sorted = (entries: object | undefined) =>
  entries &&
  Object.entries(entries)
    .filter(([, value]) => value !== undefined)
    .sort();

describe("the search", () => {
  it("answers what trying every order answers, of histories right and wrong", () => {
    const tally = { true: 0, false: 0 };
    const bent = fc.tuple(fc.array(intents, { maxLength: 6 }), fc.nat(5), fc.nat(5)).map(([list, i, j]) => {
      // Two that change places with their times alone are answered as if the other one had come first.
      const operations = historyOf(list);
      const [one, two] = [operations[i], operations[j]];
      if (!one || !two || one.client === two.client) return operations;
      const times = ({ start, end, client }: HistoryOperation) => ({ start, end, client });
      return operations.map((each) => {
        if (each === one) return { ...one, ...times(two) };
        return each === two ? { ...two, ...times(one) } : each;
      });
    });
    const agrees = (operations: HistoryOperation[]) => {
      const { explained } = checkHistory(START, operations);
      tally[`${explained}`]++;
      expect(explained).toBe(isExplainedByAny(operations));
    };
    fc.assert(fc.property(bent, agrees), { numRuns: 2000 });
    expect(Math.min(tally.true, tally.false)).toBeGreaterThan(100);
  });
});

describe("many clients at once", () => {
  describe("are answered by a correct store as one after another would be", () => {
    const store = correct(new Map());
    for (const { name, run } of historyCases(() => store, { seeds: 20 }))
      it(name, async () => {
        expect(await run()).toBeGreaterThan(500);
      });
  });

  const breakages: Record<string, () => Breakage> = {
    "updates in two steps": () => updatesWith(() => turn()),
    "inserts on update": () => inserts,
    "ignores the secret": () => updatesIf(() => true),
    "ignores ifVersion": () => (store) => ({
      update: (handle, change, { secretHash }) => store.update(handle, change, { secretHash }),
    }),
    "keeps what it has read": () => (store) => {
      const kept = new Map();
      return {
        async read(handle) {
          if (!kept.has(handle)) kept.set(handle, await store.read(handle));
          return kept.get(handle);
        },
      };
    },
    "answers that a change is in before it is": () => (store) => ({
      async update(handle, change, condition) {
        const record = await store.read(handle);
        setImmediate(() => void store.update(handle, change, condition));
        return record ? { status: "updated", version: record.version + 1 } : { status: "gone" };
      },
    }),
  };
  for (const [what, breakage] of Object.entries(breakages))
    it(`show a store that ${what}`, async () => {
      const records = new Map();
      const cases = historyCases(() => open(records, breakage()), { seeds: 10 });
      const failures = await Promise.all(cases.map(({ run }) => run().catch((error) => error)));
      const caught = failures.filter((failure) => failure instanceof AssertionError);
      expect(caught.length).toBeGreaterThan(0);
      expect(caught[0]?.message).toMatch(/^no order explains this history/);
      expect(caught.map(({ message }) => message).join()).not.toMatch(/\.[\w-]{43}/);
    });
});
