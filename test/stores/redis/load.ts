import { setTimeout } from "node:timers/promises";
import type { IndexedStore } from "../../../src/store.ts";

export interface Load {
  /** Ends it once every record has been written again, or after 20 seconds, and counts. */
  stop(): Promise<Counts>;
}

export interface Counts {
  readonly acknowledged: number;
  /** Writes that were acknowledged and then are not there. */
  readonly lost: number;
  /** Records that could not be written again by the end. */
  readonly stuck: number;
  readonly failed: number;
  /** Messages of the writes that failed, each once. */
  readonly errors: readonly string[];
}

const secretHash = "1:hash";
const times = () => ({ touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });

/** Writes to each of these records over and over, one write at a time each, and a higher number with every one. */
export async function startLoad(store: IndexedStore, handles: readonly string[], text = ""): Promise<Load> {
  const fresh = () => ({
    secretHash,
    entries: new Map<string, string>(),
    createdAt: Date.now(),
    ...times(),
    version: 1,
  });
  await Promise.all(handles.map((handle) => store.create(handle, fresh())));
  const latest = new Map<string, number>();
  const errors = new Set<string>();
  let acknowledged = 0;
  let stuck = 0;
  let failed = 0;
  let stopAt = Number.POSITIVE_INFINITY;

  async function write(handle: string): Promise<void> {
    for (let n = 1, done = 0; done < stopAt; n++) {
      if (Date.now() > stopAt + 20_000) {
        stuck++;
        return;
      }
      try {
        const change = { set: new Map([["n", `${n} ${text}`]]), ...times() };
        const { status } = await store.update(handle, change, { secretHash });
        if (status !== "updated") throw new Error(status);
        latest.set(handle, n);
        acknowledged++;
        done = Date.now();
      } catch (error) {
        failed++;
        errors.add((error as Error).message);
        await setTimeout(10);
      }
    }
  }

  const writing = handles.map(write);
  return {
    async stop() {
      stopAt = Date.now();
      await Promise.all(writing);
      let lost = 0;
      for (const [handle, n] of latest) {
        const record = await store.read(handle);
        lost += Math.max(0, n - Number.parseInt(record?.entries.get("n") ?? "0", 10));
      }
      return { acknowledged, lost, stuck, failed, errors: [...errors] };
    },
  };
}
