import { AssertionError } from "node:assert/strict";
import type { Store } from "../store.ts";
import { openTwice } from "./clients.ts";
import { checkHistory, type HistoryOperation } from "./history/check.ts";
import { record } from "./history/clients.ts";

export {
  checkHistory,
  type HistoryAnswer,
  type HistoryEntries,
  type HistoryOperation,
  type HistoryStart,
  type HistoryVerdict,
} from "./history/check.ts";

/** Many clients at once on one session. */
export interface HistoryCase {
  /** `8 clients, 50 requests each, seed 3` */
  readonly name: string;
  /** Answers how many operations they made. Rejects with an `AssertionError` that tells the operations which no order explains. */
  run(): Promise<number>;
}

export interface HistoryOptions {
  /** How many cases, each with a seed of its own. Default: 5. */
  seeds?: number;
  /** Half of them with one client of the store, half with the other. Default: 8. */
  clients?: number;
  /** Of each client. Default: 50. */
  requests?: number;
}

/**
 * Clients at random, as cases for any test runner: each reads, writes, counts up, logs in and gets new ids as a seed says, all on one session at once, until one
 * of them ends it, perhaps. What they were answered must be what one after another would have been answered, in some order true to the times: see
 * {@link checkHistory}.
 *
 * ```ts
 * import { historyCases } from "holdfast/testing";
 * import { test } from "vitest";
 *
 * const store = myStore();
 * for (const { name, run } of historyCases(() => store)) test(name, run);
 * ```
 */
export function historyCases(
  open: () => Store | Promise<Store>,
  { seeds = 5, clients = 8, requests = 50 }: HistoryOptions = {},
): HistoryCase[] {
  const opened = openTwice(open, false);
  return Array.from({ length: seeds }, (_, i) => ({
    name: `${clients} clients, ${requests} requests each, seed ${i + 1}`,
    async run() {
      const { start, operations } = await record(await opened(), i + 1, { clients, requests });
      const verdict = checkHistory(start, operations);
      if (!verdict.explained) throw unexplained(verdict.order, verdict.stuck);
      return operations.length;
    },
  }));
}

/** How many of the operations before it may show why one doesn't fit. */
const SHOWN = 10;

function unexplained(order: readonly HistoryOperation[], stuck: readonly HistoryOperation[]): AssertionError {
  // An id's secret is of use to nobody here, and its beginning tells it from others.
  const tell = (operation: HistoryOperation): string =>
    JSON.stringify(operation, (_, value) => (value === undefined ? "undefined" : value)).replaceAll(
      /"[\w-]{22}\.([\w-]{6})[\w-]{37}"/g,
      "$1…",
    );
  const lines = [
    `no order explains this history: after ${order.length} operations none of the next fits. The last ones were`,
    ...order.slice(-SHOWN).map(tell),
    "and then one of",
    ...stuck.map(tell),
  ];
  return new AssertionError({ message: lines.join("\n  ") });
}
