/**
 * Server CPU per request over bare Express 5: reading one entry of an existing session, and changing one, with holdfast's memory store, and with
 * express-session's MemoryStore and the drop-in's. Four servers side by side, rounds interleaved, medians.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { median, table } from "../report.ts";

// Many short rounds: what else the machine does then weighs on few of them.
const ROUNDS = 25;
const REQUESTS = 4000;

const names = ["bare", "holdfast", "express-session", "drop-in"] as const;
const kinds = ["read", "write"] as const;

const servers = await Promise.all(
  names.map(async (name) => {
    // Without V8's helper threads, whose time depends on what else the cores do at the moment.
    const child = fork(new URL("server.ts", import.meta.url), [name], { execArgv: ["--single-threaded"] });
    await once(child, "message");
    /** Answers the CPU time of a request, in microseconds. */
    const run = async (path: string): Promise<number> => {
      child.send({ path, requests: REQUESTS });
      const [spent] = (await once(child, "message")) as [number];
      return spent;
    };
    return { name, child, run };
  }),
);

const samples: Record<string, number[]> = {};
// Until V8 has compiled what it will.
const WARM_UP = 10;
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const kind of kinds) {
    for (const { name, run } of servers) {
      const spent = await run(`/${kind}`);
      samples[`${name} ${kind}`] ??= [];
      if (round >= 0) samples[`${name} ${kind}`]!.push(spent);
    }
  }
}
for (const { child } of servers) child.disconnect();

const rows = kinds.map((kind) => {
  const spent = (name: string): number => median(samples[`${name} ${kind}`]!);
  // Each round's own bare server is its measure, so that a slow phase of the machine weighs on all alike.
  const over = (name: string): number =>
    median(samples[`${name} ${kind}`]!.map((µs, round) => µs - samples[`bare ${kind}`]![round]!));
  return {
    request: kind,
    "bare µs": spent("bare").toFixed(1),
    "express-session over bare µs": over("express-session").toFixed(1),
    "holdfast over bare µs": over("holdfast").toFixed(1),
    "drop-in over bare µs": over("drop-in").toFixed(1),
    "holdfast / express-session": (over("holdfast") / over("express-session")).toFixed(3),
    "drop-in / express-session": (over("drop-in") / over("express-session")).toFixed(3),
  };
});
table("Server CPU per request (Express 5, memory stores)", rows);
