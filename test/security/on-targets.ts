import { describe, test } from "vitest";
import { describeWith } from "../needs.ts";
import { NotApplicable, type Probe, probe, type Target, titleOf } from "./target.ts";
import { onServers, ours } from "./targets/index.ts";

/** Tests that each probe holds, on every one of holdfast's targets. */
export function holdOnAll(probes: readonly Probe[]): void {
  const all = (target: Target): void => {
    for (const each of probes) {
      const hold = each.open === undefined ? test : test.fails;
      hold(titleOf(each), (context) =>
        probe(target, each).catch((error) => {
          if (error instanceof NotApplicable) return context.skip(error.message);
          throw error;
        }),
      );
    }
  };
  for (const target of ours) describe(target.name, () => all(target));
  for (const { need, target } of onServers) describeWith(need, `on ${need}`, (place) => all(target(place)));
}
