import assert from "node:assert/strict";

/**
 * What a client did to one session, and what it was answered. `start` and `end` are readings of one clock: an operation that ended before another
 * began came before it. A client does one thing at a time.
 */
export type HistoryOperation = {
  readonly client: string | number;
  readonly start: number;
  /** Infinity where the answer is unknown and may yet come to be. That client does nothing more: who goes on is another. */
  readonly end: number;
  /** The id that the client has. */
  readonly id: string;
} & Does;

type Does =
  /** A request opened, and found these entries; undefined where the id opened nothing. */
  | { readonly kind: "open"; readonly saw: HistoryEntries | undefined }
  /** It saved these entries; undefined removes one. */
  | { readonly kind: "save"; readonly set: HistoryEntries; readonly answer: HistoryAnswer }
  /** It changed one entry from what it was to something else, in one step. */
  | {
      readonly kind: "update";
      readonly entry: string;
      readonly from: unknown;
      readonly to: unknown;
      readonly answer: HistoryAnswer;
    }
  /** It gave the session a new id, at which the old one is dead: a login, or `regenerate`. */
  | { readonly kind: "rename"; readonly newId: string; readonly answer: HistoryAnswer }
  /** It ended the session. */
  | { readonly kind: "destroy"; readonly answer: "saved" | "unknown" };

/** `saved`: it is in. `gone`: it was refused, and nothing was written. `unknown`: it failed, and may be in or not. */
export type HistoryAnswer = "saved" | "gone" | "unknown";

/** By name, plain JSON values. */
export type HistoryEntries = Readonly<Record<string, unknown>>;

/** A session as it is stored when a history begins. */
export interface HistoryStart {
  readonly id: string;
  readonly entries: HistoryEntries;
}

export type HistoryVerdict =
  /** One after another in this order, the operations would have been answered as they were. */
  | { readonly explained: true; readonly order: readonly HistoryOperation[] }
  /** No order explains them: the longest that comes near, and the operations that could be next, none of which fits. */
  | {
      readonly explained: false;
      readonly order: readonly HistoryOperation[];
      readonly stuck: readonly HistoryOperation[];
    };

/** JSON text by entry name. */
type Texts = ReadonlyMap<string, string>;

interface State {
  /** The id that opens the session; undefined once it has ended. */
  readonly id: string | undefined;
  readonly texts: Texts;
}

/** A step of the search: who has done how many of its operations, and what the session is by then. */
interface Reached {
  readonly done: readonly number[];
  readonly state: State;
  readonly length: number;
  readonly last?: { readonly operation: HistoryOperation; readonly from: Reached };
}

/**
 * Whether there is an order of the operations, true to their times, in which a session that keeps the contract would have answered each as it was
 * answered: whether the history is linearizable (Herlihy and Wing). Searches as Wing and Gong do, and visits no state twice.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkHistory } from "holdfast/testing";
 *
 * const start = { id: "one", entries: { views: 0 } };
 * const verdict = checkHistory(start, [
 *   { client: 1, start: 1, end: 4, id: "one", kind: "update", entry: "views", from: 0, to: 1, answer: "saved" },
 *   { client: 2, start: 2, end: 3, id: "one", kind: "update", entry: "views", from: 0, to: 1, answer: "saved" },
 * ]);
 * assert.equal(verdict.explained, false);   // one of them was lost
 * ```
 */
export function checkHistory(from: HistoryStart, operations: readonly HistoryOperation[]): HistoryVerdict {
  const clients = [...Map.groupBy(operations, ({ client }) => client).values()].map(inTurn);
  const start: Reached = {
    done: clients.map(() => 0),
    state: { id: from.id, texts: withTexts(new Map(), from.entries) },
    length: 0,
  };

  const seen = new Set<string>();
  const open = [start];
  let longest = start;
  while (open.length > 0) {
    const reached = open.pop()!;
    const key = keyOf(reached);
    if (seen.has(key)) continue;
    seen.add(key);
    if (reached.length > longest.length) longest = reached;
    const candidates = nextOf(clients, reached);
    if (candidates.every(({ operation }) => operation.end === Number.POSITIVE_INFINITY)) {
      return { explained: true, order: orderOf(reached) };
    }
    // The last one pushed is tried first: what ended first is what most likely came first.
    for (const { operation, client } of candidates.toReversed()) {
      for (const state of statesAfter(reached.state, operation)) {
        const done = reached.done.with(client, reached.done[client]! + 1);
        open.push({ done, state, length: reached.length + 1, last: { operation, from: reached } });
      }
    }
  }
  const stuck = nextOf(clients, longest).map(({ operation }) => operation);
  return { explained: false, order: orderOf(longest), stuck };
}

function inTurn(operations: readonly HistoryOperation[]): readonly HistoryOperation[] {
  const sorted = operations.toSorted((a, b) => a.start - b.start);
  for (const [i, { start, end, client }] of sorted.entries()) {
    assert.ok(start <= end, `an operation of client ${client} ends before it starts`);
    const before = sorted[i - 1];
    assert.ok(!before || before.end < start, `client ${client} does two things at once, from ${start} on`);
  }
  return sorted;
}

/** Each client's next operation, where no other one's had ended before it began; the first to end first. */
function nextOf(
  clients: readonly (readonly HistoryOperation[])[],
  { done }: Reached,
): { operation: HistoryOperation; client: number }[] {
  const heads = clients.flatMap((operations, client) => {
    const operation = operations[done[client]!];
    return operation ? [{ operation, client }] : [];
  });
  const firstEnd = Math.min(...heads.map(({ operation }) => operation.end));
  return heads.filter(({ operation }) => operation.start <= firstEnd).sort((a, b) => a.operation.end - b.operation.end);
}

/** What the session can be after the operation was answered as it was; nothing where it can't have been. */
function statesAfter(state: State, operation: HistoryOperation): readonly State[] {
  const opens = operation.id === state.id;
  switch (operation.kind) {
    case "open": {
      const { saw } = operation;
      if (!opens || saw === undefined) return opens || saw ? [] : [state];
      return sameTexts(state.texts, withTexts(new Map(), saw)) ? [state] : [];
    }
    case "save":
      return answered(state, operation, opens && { ...state, texts: withTexts(state.texts, operation.set) });
    case "update": {
      const { entry, from, to } = operation;
      const isThere = state.texts.get(entry) === JSON.stringify(from);
      // Where its answer never came, nobody knows what it found last.
      if (opens && !isThere) return operation.answer === "unknown" ? [state] : [];
      return answered(state, operation, opens && { ...state, texts: withTexts(state.texts, { [entry]: to }) });
    }
    case "rename":
      return answered(state, operation, opens && { ...state, id: operation.newId });
    case "destroy":
      // It was opened while its id was good, and ends the session whatever its id has become.
      return answered(state, operation, { ...state, id: undefined });
  }
}

function answered(state: State, { answer }: { answer: HistoryAnswer }, next: State | false): readonly State[] {
  if (answer === "unknown") return next ? [state, next] : [state];
  if (answer === "saved") return next ? [next] : [];
  return next ? [] : [state];
}

function withTexts(texts: Texts, entries: HistoryEntries): Texts {
  const next = new Map(texts);
  for (const [name, value] of Object.entries(entries)) {
    if (value === undefined) next.delete(name);
    else next.set(name, JSON.stringify(value));
  }
  return next;
}

function sameTexts(a: Texts, b: Texts): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}

function keyOf({ done, state: { id, texts } }: Reached): string {
  return JSON.stringify([done, id, [...texts].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function orderOf(reached: Reached): readonly HistoryOperation[] {
  const order: HistoryOperation[] = [];
  for (let { last } = reached; last; last = last.from.last) order.push(last.operation);
  return order.reverse();
}
