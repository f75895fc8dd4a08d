import { afterAll, it } from "vitest";
import type { IndexedStore } from "../../../src/store.ts";
import { storeCases } from "../../../src/testing/store.ts";
import { races } from "../races.ts";

/** The kit, with stores on pools of their own that last through all of it. Races take some seconds, and are for the server to decide, not for the driver. */
export function kit<P extends { end(): Promise<unknown> }>(
  connect: () => P,
  store: (pool: P) => IndexedStore,
  { raced = false }: { raced?: boolean } = {},
): void {
  const pools: P[] = [];
  const open = () => {
    const pool = connect();
    pools.push(pool);
    return store(pool);
  };
  for (const { name, run } of storeCases(open)) it(name, run);
  if (raced) races(open);
  afterAll(() => Promise.all(pools.map((pool) => pool.end())));
}
