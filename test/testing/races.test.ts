import { raceCases } from "holdfast/testing";
import { describe, it } from "vitest";
import { correct } from "./plain.ts";

describe("races", () => {
  describe("are won by a correct store", () => {
    const store = correct(new Map());
    for (const { name, run } of raceCases(() => store)) it(name, run);
  });
});
