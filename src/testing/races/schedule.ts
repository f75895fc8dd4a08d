import assert from "node:assert/strict";
import type { Awaitable } from "../../store.ts";

/** Where an operation's calls of the store stop, until each is let through. An operation makes one at a time. */
export type Gate = <Call extends object, T>(call: Call, run: () => Awaitable<T>) => Promise<T>;

/** An operation that goes on from one call of the store to the next only when it is told to. */
export interface Performer {
  /** The call that it stands before; undefined when it is done. */
  readonly next: object | undefined;
  /** Resolves when it stands before its first call, or is done without one. */
  readonly begun: Promise<void>;
  /** Lets the call through. Resolves when the operation stands before the one after it, or is done. Rejects with what the operation rejects with. */
  advance(): Promise<void>;
}

export function perform(operation: (gate: Gate) => Promise<void>): Performer {
  let waiting: { readonly call: object; letThrough(): void } | undefined;
  let rest: PromiseWithResolvers<void>;

  const gate: Gate = (call, run) => {
    assert.ok(!waiting, "an operation of a race calls the store twice at once");
    return new Promise((resolve, reject) => {
      waiting = { call, letThrough: () => void (async () => run())().then(resolve, reject) };
      rest.resolve();
    });
  };
  const go = (act: () => void): Promise<void> => {
    rest = Promise.withResolvers();
    act();
    return rest.promise;
  };

  const begun = go(() => {
    operation(gate).then(
      () => rest.resolve(),
      (error) => rest.reject(error),
    );
  });
  return {
    get next() {
      return waiting?.call;
    },
    begun,
    advance: () =>
      go(() => {
        const { letThrough } = waiting!;
        waiting = undefined;
        letThrough();
      }),
  };
}

/** Answers which of so many ways to go, from 0. */
export type Choose = (ways: number) => number;

/** Plays once for each way through the choices that `play` asks for, the first ways first. Answers how often. */
export async function explore(play: (choose: Choose) => Promise<void>): Promise<number> {
  const path: { way: number; ways: number }[] = [];
  for (let played = 1; ; played++) {
    let depth = 0;
    await play((ways) => {
      path[depth] ??= { way: 0, ways };
      const choice = path[depth++]!;
      // A store that answers otherwise than the time before may leave fewer ways.
      choice.ways = ways;
      choice.way = Math.min(choice.way, ways - 1);
      return choice.way;
    });
    path.length = depth;
    while (path.length > 0 && path.at(-1)!.way + 1 >= path.at(-1)!.ways) path.pop();
    const last = path.at(-1);
    if (!last) return played;
    last.way += 1;
  }
}
