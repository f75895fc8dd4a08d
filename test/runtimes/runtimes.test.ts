import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { describeWith, type Need } from "../needs.ts";
import { bundle } from "./bundle.ts";
import type { Outcome } from "./suite.ts";

const RUNTIMES: readonly (readonly [need: Need, ...args: string[]])[] = [
  ["Node 22"],
  ["Node 26"],
  ["Bun"],
  ["Deno", "run", "--allow-all", "--quiet", "--no-prompt"],
];

const program = await bundle("program.ts");

/** What the program printed on this runtime. */
async function run(binary: string, args: readonly string[]): Promise<Outcome[]> {
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1", DENO_DIR: join(program, "../deno") };
  const options = { env, timeout: 120_000, maxBuffer: 2 ** 26 };
  const { stdout } = await promisify(execFile)(binary, [...args, program], options);
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as Outcome);
}

for (const [need, ...args] of RUNTIMES) {
  describeWith(need, `on ${need}`, (binary) => {
    it("both stores keep the contract, and the runtime's server the adapters' promises", async () => {
      const outcomes = await run(binary, args);
      expect(outcomes.filter(({ error }) => error)).toEqual([]);
      expect(outcomes.length).toBeGreaterThan(230);
    }, 150_000);
  });
}
