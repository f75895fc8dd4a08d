import { setTimeout } from "node:timers/promises";
import { attacks } from "./attacks/index.ts";
import { requirements } from "./requirements/index.ts";
import { listenToConsole, total } from "./scan.ts";
import { NotApplicable, NotOffered, type Probe, probe, type Target, titleOf } from "./target.ts";
import { version } from "./targets/express-session.ts";
import { available, theirs } from "./targets/index.ts";

/** What came of one probe on one target. */
type Outcome = { readonly verdict: "holds" | "fails" | "not offered" | "not applicable"; readonly why?: string };

/** What a probe may take, in ms: where it takes longer, an answer never came. */
const PATIENCE = 15_000;

let crash = (_error: Error): void => {};
process.on("uncaughtException", (error) => crash(error));

async function run(target: Target, each: Probe): Promise<Outcome> {
  const begun = probe(target, each);
  begun.catch(() => {});
  const crashed = new Promise<never>((_, reject) => {
    crash = (error) => reject(new Error(`it would end the process: ${error.message}`));
  });
  const hung = setTimeout(PATIENCE, undefined, { ref: false }).then(() => {
    throw new Error("a request was never answered");
  });
  try {
    await Promise.race([begun, crashed, hung]);
    return { verdict: "holds" };
  } catch (error) {
    const why = (error as Error).message.split("\n", 1)[0]!;
    if (error instanceof NotOffered) return { verdict: "not offered", why };
    if (error instanceof NotApplicable) return { verdict: "not applicable", why };
    // Also where the app itself breaks down under the attack.
    return { verdict: "fails", why };
  }
}

/** Of all its targets: it holds where it holds on every one that it applies to. */
async function verdictOn(targets: readonly Target[], each: Probe): Promise<Outcome> {
  const outcomes: (Outcome & { target: Target })[] = [];
  for (const target of targets) outcomes.push({ target, ...(await run(target, each)) });
  const failed = outcomes.filter(({ verdict }) => verdict === "fails");
  const [first] = failed;
  if (first) {
    const where = failed.length < targets.length ? ` (${failed.map(({ target }) => target.name).join(", ")})` : "";
    return { verdict: "fails", why: `${first.why}${where}` };
  }
  return outcomes.find(({ verdict }) => verdict !== "holds" && verdict !== "not applicable") ?? { verdict: "holds" };
}

listenToConsole();
process.env.NO_DEPRECATION = "express-session";
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const libraries = [
  { name: "holdfast", targets: available() },
  { name: "express-session", targets: theirs },
] as const;

say(`express-session ${version}, with the options and the login of its README's example of a login.`);
for (const { name, targets } of libraries) say(`${name} runs as ${targets.map((target) => target.name).join("; ")}.`);

let broken = false;
for (const [kind, probes] of Object.entries({ Attacks: attacks, Requirements: requirements })) {
  const counts = libraries.map(() => new Map<string, number>());
  say(`\n## ${kind}\n\n| | holdfast | express-session | |\n|---|---|---|---|`);
  for (const each of probes) {
    const outcomes: Outcome[] = [];
    for (const [i, { targets }] of libraries.entries()) {
      const outcome = await verdictOn(targets, each);
      outcomes.push(outcome);
      counts[i]!.set(outcome.verdict, (counts[i]!.get(outcome.verdict) ?? 0) + 1);
    }
    const [own, other] = outcomes as [Outcome, Outcome];
    if (own.verdict !== "holds") broken = true;
    const why = (own.verdict === "holds" ? other.why : own.why) ?? "";
    say(`| ${titleOf(each)} | ${own.verdict} | ${other.verdict} | ${why.replaceAll("|", "\\|")} |`);
  }
  for (const [i, { name, targets }] of libraries.entries()) {
    const told = [...counts[i]!].map(([verdict, count]) => `${count} ${verdict}`).join(", ");
    say(`${i === 0 ? "\n" : ""}${name}: ${told}, of ${probes.length} on ${targets.length} targets`);
  }
}

for (const { name } of libraries) {
  const { apps, secrets, texts, found } = total(name);
  const kinds = [...new Set(found.map(({ kind }) => kind))].join(", ");
  say(
    `id scan of ${name}: ${texts} texts of ${apps} apps, ${secrets} ids issued, in ${found.length} of the texts one was found${kinds && ` (${kinds})`}`,
  );
}
// What hung is still open.
process.exit(broken ? 1 : 0);
