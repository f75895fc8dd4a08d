/**
 * The memory store at a million sessions: bytes for each, mean time of each operation, and the longest that the event loop
 * had to wait, above all while half of the sessions expire and are swept. Reads and updates go to random sessions, so they
 * measure the processor's cache misses more than the code.
 *
 *     npx node --expose-gc bench/memory.ts
 */
import { hash, randomBytes, randomInt } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type { SessionRecord } from "../src/store.ts";
import { memoryStore } from "../src/stores/memory.ts";

const SESSIONS = 1_000_000;
const MINUTE = 60_000;
const start = Date.now();

const handles = Array.from({ length: SESSIONS }, () => randomBytes(16).toString("base64url"));
const anyHandle = () => handles[randomInt(SESSIONS)]!;

const before = memory();
const store = memoryStore({ maxBytes: Number.POSITIVE_INFINITY });
await report("create", SESSIONS, () => repeat(SESSIONS, (i) => store.create(handles[i]!, sample(i))));
const after = memory();
const bytes = (part: keyof typeof after) => ((after[part] - before[part]) / SESSIONS).toFixed(0);
console.log(`bytes a session: heap ${bytes("heap")}, array buffers ${bytes("buffers")}, RSS ${bytes("rss")}`);

await report("read", SESSIONS, () => repeat(SESSIONS, () => store.read(anyHandle())));
await report("read and touch", SESSIONS, () => repeat(SESSIONS, touch));
// The clock is an argument: the first half expires in 10 to 40 minutes.
await report("sweep of none", 1, () => store.sweep(start + 9 * MINUTE));
await report("sweep of half", SESSIONS / 2, () => store.sweep(start + 41 * MINUTE));

/** Two entries of 100 bytes; a user in every second session. */
function sample(i: number): SessionRecord {
  const text = (mark: string) => JSON.stringify(`${i}`.padEnd(98, mark));
  return {
    secretHash: `1:${hash("sha256", handles[i]!, "base64url")}`,
    entries: new Map([
      ["cart", text("c")],
      ["profile", text("p")],
    ]),
    ...(i % 2 === 1 && { userId: `user-${i}` }),
    createdAt: start,
    touchedAt: start,
    expiresAt: start + (i < SESSIONS / 2 ? 10 * MINUTE + (i % 1000) * 1800 : 720 * MINUTE),
    version: 1,
  };
}

async function touch(): Promise<void> {
  const handle = anyHandle();
  const { secretHash, expiresAt } = (await store.read(handle))!;
  await store.update(handle, { touchedAt: Date.now(), expiresAt }, { secretHash });
}

/** Lets other work in every hundred times, as a server does. */
async function repeat(count: number, run: (i: number) => unknown): Promise<void> {
  for (let i = 0; i < count; i++) {
    await run(i);
    if (i % 100 === 99) await turn();
  }
}

async function report(name: string, count: number, run: () => unknown): Promise<void> {
  let done = false;
  let longest = 0;
  const watch = async () => {
    for (let last = performance.now(); !done; ) {
      await turn();
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
  };
  const watching = watch();
  const began = performance.now();
  await run();
  const took = performance.now() - began;
  done = true;
  await watching;
  const each = ((took / count) * 1000).toFixed(2);
  console.log(`${name}: ${each} µs each, ${took.toFixed(0)} ms in all; longest pause ${longest.toFixed(1)} ms`);
}

function memory(): { heap: number; buffers: number; rss: number } {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers, rss };
}
