/**
 * Server CPU per request over bare Express 5: reading one entry of an existing session, and changing one, with holdfast's memory store, and with
 * express-session's MemoryStore and the drop-in's. Four servers side by side, rounds interleaved, medians.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import autocannon from "autocannon";
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
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    const url = `http://127.0.0.1:${port}`;
    const begun = await fetch(`${url}/begin`);
    const cookie = begun.headers.getSetCookie()[0]?.split(";")[0] ?? "none=0";
    const cpu = async (): Promise<number> => {
      child.send("cpu");
      const [usage] = (await once(child, "message")) as [{ cpu: number }];
      return usage.cpu;
    };
    return { name, child, url, cookie, cpu };
  }),
);

const samples: Record<string, number[]> = {};
const WARM_UP = 3;
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const kind of kinds) {
    for (const { name, url, cookie, cpu } of servers) {
      const before = await cpu();
      const result = await autocannon({
        url: `${url}/${kind}`,
        headers: { cookie },
        connections: 8,
        amount: REQUESTS,
        expectBody: "ok",
      });
      const spent = ((await cpu()) - before) / REQUESTS;
      if (result.non2xx + result.errors + result.mismatches > 0) throw new Error(`${name} ${kind}: wrong answers`);
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
