/** Servers side by side, each in a process of its own, loaded in turns: interleaved rounds, medians. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { median } from "../report.ts";

// Many short rounds: what else the machine does then weighs on few of them.
const ROUNDS = 25;
// Until V8 has compiled what it will.
const WARM_UP = 10;
const REQUESTS = 4000;
/** Of a server that takes longer, fewer: a round is to last about this long, in microseconds. */
const ROUND = 400_000;

export const kinds = ["read", "write"] as const;
export type Kind = (typeof kinds)[number];

/** Server CPU per request, in microseconds. */
export interface Comparison<Name extends string> {
  spent(name: Name, kind: Kind): number;
  /** Above what the bare server takes. */
  over(name: Name, kind: Kind): number;
}

/** Starts `script` once for each name, with the name as its last argument. It calls `measured`. One of the names is `bare`. */
export async function compare<Name extends string>(
  script: URL,
  names: readonly Name[],
  ...args: string[]
): Promise<Comparison<Name>> {
  const servers = await Promise.all(
    names.map(async (name) => {
      // Without V8's helper threads, whose time depends on what else the cores do at the moment.
      const child = fork(script, [...args, name], { execArgv: ["--single-threaded"] });
      await once(child, "message");
      let requests = 80;
      const run = async (path: string): Promise<number> => {
        child.send({ path, requests });
        const [spent] = (await once(child, "message")) as [number];
        // Over eight connections.
        requests = 8 * Math.ceil(Math.min(REQUESTS, ROUND / spent) / 8);
        return spent;
      };
      return { name, child, run };
    }),
  );

  const samples = new Map<string, number[]>();
  const of = (name: string, kind: Kind): number[] => samples.get(`${name} ${kind}`) ?? [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const kind of kinds) {
      for (const { name, run } of servers) {
        const spent = await run(`/${kind}`);
        if (round >= 0) samples.set(`${name} ${kind}`, [...of(name, kind), spent]);
      }
    }
  }
  for (const { child } of servers) child.disconnect();

  return {
    spent: (name, kind) => median(of(name, kind)),
    // Each round's own bare server is its measure, so that a slow phase of the machine weighs on all alike.
    over: (name, kind) => median(of(name, kind).map((µs, round) => µs - of("bare", kind)[round]!)),
  };
}
