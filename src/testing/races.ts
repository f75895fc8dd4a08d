import { AssertionError } from "node:assert/strict";
import type { IndexedStore, Store } from "../store.ts";
import { openTwice } from "./clients.ts";
import { operations } from "./races/operations.ts";
import { play, type Race, type Step } from "./races/play.ts";
import { promises, tell } from "./races/promises.ts";
import { explore } from "./races/schedule.ts";
import type { Clients } from "./store/fixtures.ts";

/** Two operations that race for one session. */
export interface RaceCase {
  /** Both operations: `login × write the same entry`. */
  readonly name: string;
  /** Runs every interleaving, and answers how many. Rejects with an `AssertionError` that says which promise was broken, and by what order of calls. */
  run(): Promise<number>;
}

/**
 * Races, as cases for any test runner: two operations on one session, each with a client of the store of its own, in every order that their calls of the
 * store can have, and with calls at the same moment. After each, what the contract promises is checked: no change lost, an end final, an old id dead,
 * the lists of users right. The operations are requests through `createSessions` (read, write, update, touch, renew, login, regenerate, destroy), a
 * logout everywhere, and the session's end by time.
 *
 * `open` and the option are those of `storeCases`, which a store should pass first.
 *
 * ```ts
 * import { raceCases } from "holdfast/testing";
 * import { test } from "vitest";
 *
 * const store = myStore();
 * for (const { name, run } of raceCases(() => store)) test(name, run);
 * ```
 */
export function raceCases(open: () => IndexedStore | Promise<IndexedStore>, options?: { indexed?: true }): RaceCase[];
export function raceCases(open: () => Store | Promise<Store>, options: { indexed: false }): RaceCase[];
export function raceCases(
  open: () => Store | Promise<Store>,
  { indexed = true }: { indexed?: boolean } = {},
): RaceCase[] {
  const clients = openTwice(open, indexed);
  const names = Object.keys(operations).filter((name) => {
    const operation = operations[name]!;
    return indexed || operation.kind === "request" || !operation.byUser;
  });
  return names.flatMap((a) =>
    names.map((b) => ({ name: `${a} × ${b}`, run: async () => race(await clients(), a, b) })),
  );
}

async function race(clients: Clients<Store>, a: string, b: string): Promise<number> {
  const left: string[] = [];
  let played = 0;
  for (const isLoggedIn of [false, true]) {
    played += await explore(async (choose) => {
      const over = await play(clients, isLoggedIn, { a: operations[a]!, b: operations[b]! }, choose);
      check(over, `a: ${a}, b: ${b}, on ${isLoggedIn ? "a user's session" : "a session without a user"}`);
      left.push(...over.records.keys());
    });
  }
  // Thousands of sessions would be a burden for a store that goes through all of them to sweep.
  await Promise.all(left.map((handle) => clients.store.delete(handle)));
  return played;
}

/** Two calls at once may have come to the store in either order: one of them has to explain what came of it. */
function check(race: Race, who: string): void {
  let broken: AssertionError | undefined;
  for (const steps of orders(race.turns)) {
    const story = tell(race, steps);
    const failure = firstBroken((promise) => promises[promise]!(story));
    if (!failure) return;
    broken ??= failure;
  }
  const order = race.turns.map((turn) => turn.map(describe).join(" and at once ")).join("\n  ");
  throw Object.assign(broken!, { message: `${broken!.message}\n${who}\n  ${order}` });
}

function firstBroken(hold: (promise: string) => void): AssertionError | undefined {
  for (const promise of Object.keys(promises)) {
    try {
      hold(promise);
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      const { actual, expected, operator, message } = error;
      return new AssertionError({ message: `${promise}\n${message}`, actual, expected, operator });
    }
  }
  return undefined;
}

function orders([turn, ...rest]: readonly (readonly Step[])[]): Step[][] {
  if (!turn) return [[]];
  const firsts = turn.length === 1 ? [turn] : [turn, turn.toReversed()];
  const ends = orders(rest);
  return firsts.flatMap((first) => ends.map((end) => [...first, ...end]));
}

function describe(step: Step): string {
  return `${step.by} ${step.does}: ${short(step)}`;
}

function short(step: Step): string {
  if (step.does === "read") return step.answer ? `version ${step.answer.version}` : "nothing";
  if (step.does === "update") return step.answer?.status ?? "failed";
  return String(step.answer ?? "done");
}
