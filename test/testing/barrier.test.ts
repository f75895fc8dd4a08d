import { barrier } from "holdfast/testing";
import { describe, expect, it } from "vitest";

describe("a barrier", () => {
  it("lets nobody pass before all have arrived, and then all", async () => {
    const { arrive } = barrier(3);
    const passed: string[] = [];
    const pass = async (name: string) => {
      await arrive();
      passed.push(name);
    };
    const early = [pass("a"), pass("b")];
    await new Promise((resolve) => setImmediate(resolve));
    expect(passed).toEqual([]);
    await Promise.all([...early, pass("c")]);
    expect(passed).toEqual(["a", "b", "c"]);
  });

  it("stays open for who comes later", async () => {
    const { arrive } = barrier(1);
    await arrive();
    await arrive();
  });
});
