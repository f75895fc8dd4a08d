import { afterAll, describe, it } from "vitest";
import type { IndexedStore } from "../../../src/store.ts";
import { raceCases } from "../../../src/testing/races.ts";
import { storeCases } from "../../../src/testing/store.ts";

/** The kit, with two stores on pools of their own that last through all of it. */
export function kit<P extends { end(): Promise<unknown> }>(connect: () => P, store: (pool: P) => IndexedStore): void {
  const pools: P[] = [];
  const open = () => {
    const pool = connect();
    pools.push(pool);
    return store(pool);
  };
  for (const { name, run } of storeCases(open)) it(name, run);
  describe("in races", () => {
    for (const { name, run } of raceCases(open)) it(name, run);
  });
  afterAll(() => Promise.all(pools.map((pool) => pool.end())));
}
