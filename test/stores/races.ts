import { describe, it } from "vitest";
import type { IndexedStore } from "../../src/store.ts";
import { historyCases } from "../../src/testing/history.ts";
import { raceCases } from "../../src/testing/races.ts";

/** The kit's races: of two for every order of their calls, of many at random. Each has a session of its own, so some run at a time. */
export function races(open: () => IndexedStore | Promise<IndexedStore>): void {
  describe("in races of two", () => {
    for (const { name, run } of raceCases(open)) it.concurrent(name, run);
  });
  describe("in races of many", () => {
    for (const { name, run } of historyCases(open)) it(name, run);
  });
}
