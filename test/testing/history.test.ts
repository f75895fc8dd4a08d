import { historyCases } from "holdfast/testing";
import { describe, it } from "vitest";
import { correct } from "./plain.ts";

describe("histories", () => {
  describe("of a correct store are explained", () => {
    const store = correct(new Map());
    for (const { name, run } of historyCases(() => store, { seeds: 20 }))
      it(name, async () => {
        console.log(await run());
      });
  });
});
