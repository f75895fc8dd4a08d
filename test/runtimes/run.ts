import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it } from "vitest";
import { newFolder } from "../docs/example.ts";
import { describeWith, type Need } from "../needs.ts";
import { bundled } from "./bundle.ts";
import type { Groups } from "./groups.ts";
import type { Outcome } from "./report.ts";

export interface Runtime {
  readonly need: Need;
  /** What the program is given before the file. */
  readonly options?: readonly string[];
  /** The conditions by which it resolves a package's imports. */
  readonly conditions: readonly string[];
  /** The file in `groups/`, and the groups that it exports. It may export `end` too, for what would keep the process. */
  readonly entry: string;
  readonly groups: Groups;
  /** What the cases read of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the groups inside the runtime, in one process, and gives each case a test that says how it ended. */
export function runInside(runtime: Runtime): void {
  describeWith(runtime.need, `on ${runtime.need}`, (program) => {
    const outcomes = new Map<string, Outcome>();
    let end: Ending | undefined;

    beforeAll(async () => {
      end = await run(program, runtime, (outcome) => outcomes.set(keyOf(outcome), outcome));
    }, LONGEST + 10_000);

    for (const [group, cases] of Object.entries(runtime.groups)) {
      describe(group, () => {
        it.each(cases)("$name", ({ name }) => {
          const outcome = outcomes.get(keyOf({ group, name }));
          if (!outcome) throw new Error(`It did not run.\n${end?.complaints}`);
          if (outcome.error !== undefined) throw new Error(outcome.error);
        });
      });
    }

    it("the process ends by itself, though sessions are left open", () => {
      expect(end).toMatchObject({ status: 0 });
    });
  });
}

const keyOf = ({ group, name }: Outcome): string => `${group}: ${name}`;

interface Ending {
  /** The exit code, or the signal that ended it. */
  readonly status: number | string;
  /** What it printed as errors. */
  readonly complaints: string;
}

/** How long a process may take for all its cases. In ms. */
const LONGEST = 120_000;

/** And how long to end, when it has done its work. */
const PATIENCE = 10_000;

async function run(
  program: string,
  { options = [], conditions, entry, env: given }: Runtime,
  onOutcome: (outcome: Outcome) => void,
): Promise<Ending> {
  const folder = newFolder();
  const file = join(folder.path, "cases.mjs");
  const code = `
    import * as cases from "./groups/${entry}.ts";
    import { leaveOpen } from "./groups.ts";
    import { report } from "./report.ts";
    await leaveOpen();
    await report(cases.groups);
    await cases.end?.();
    console.log("done");`;
  writeFileSync(file, await bundled(code, conditions));
  const env = { ...process.env, ...given, DENO_NO_UPDATE_CHECK: "1", DENO_DIR: join(folder.path, "deno") };
  const child = spawn(program, [...options, file], {
    cwd: folder.path,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LONGEST,
    killSignal: "SIGKILL",
  });
  let complaints = "";
  child.stderr.on("data", (piece) => {
    complaints += piece;
  });
  let late: NodeJS.Timeout | undefined;
  createInterface(child.stdout).on("line", (line) => {
    if (line.startsWith("{")) onOutcome(JSON.parse(line) as Outcome);
    if (line === "done") late = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  });
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  clearTimeout(late);
  folder.remove();
  return { status, complaints };
}
