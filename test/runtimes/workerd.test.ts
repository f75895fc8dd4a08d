import { kCurrentWorker, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, it } from "vitest";
import { describeWith } from "../needs.ts";
import { bundled } from "./bundle.ts";
import { type Environment, groupsOf } from "./groups/workerd.ts";

describeWith("workerd", "on workerd", () => {
  let flare: Miniflare;

  beforeAll(async () => {
    flare = new Miniflare({
      modules: true,
      script: await bundled('export { default } from "./worker.ts";', ["workerd"]),
      compatibilityDate: "2026-07-01",
      // For the suites, which use node:assert. holdfast itself needs none: workers.test.ts.
      compatibilityFlags: ["nodejs_compat"],
      d1Databases: { DB: "sessions" },
      serviceBindings: { SELF: kCurrentWorker },
      cf: false,
    });
    await flare.ready;
  });
  afterAll(() => flare.dispose());

  // For the names alone: the cases run in the Worker.
  for (const [group, cases] of Object.entries(groupsOf({} as Environment))) {
    describe(group, () => {
      it.each(cases)(
        "$name",
        async ({ name }) => {
          const body = JSON.stringify({ group, name });
          const response = await flare.dispatchFetch("http://run.test/", { method: "POST", body });
          const { error } = (await response.json()) as { error?: string };
          if (error !== undefined) throw new Error(error);
          // The kit's largest case is 6000 operations, each a way to another process here.
        },
        90_000,
      );
    });
  }
});
