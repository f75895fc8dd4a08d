import { readFile } from "node:fs/promises";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "./bundle.ts";
import type { Outcome } from "./suite.ts";

let flare: Miniflare;

beforeAll(async () => {
  flare = new Miniflare({
    script: await readFile(await bundle("worker.ts", { web: true }), "utf8"),
    modules: true,
    // For the kit, which takes node:assert; holdfast itself needs no such flag.
    compatibilityFlags: ["nodejs_compat"],
    compatibilityDate: "2026-07-01",
    d1Databases: { DB: "kit" },
    cf: false,
  });
  await flare.ready;
});
afterAll(() => flare.dispose());

async function run(suite: string): Promise<Outcome[]> {
  const response = await flare.dispatchFetch(`http://worker.test${suite}`);
  return (await response.json()) as Outcome[];
}

describe("on workerd", () => {
  it.each([
    ["the memory store keeps the contract", "/kit/memory", 80],
    ["D1 keeps the contract", "/kit/d1", 80],
    ["fetchSessions keeps the adapters' promises", "/adapter", 55],
  ])(
    "%s",
    async (_, suite, least) => {
      const outcomes = await run(suite);
      expect(outcomes.filter(({ error }) => error)).toEqual([]);
      expect(outcomes.length).toBeGreaterThan(least);
    },
    150_000,
  );

  it("each request has its deadline, though timers end with the request that began them", async () => {
    const ask = async (headers: Record<string, string>) =>
      (await flare.dispatchFetch("http://worker.test/slow", { headers })).status;
    for (let i = 0; i < 3; i++) {
      expect(await ask({})).toBe(200);
      expect(await ask({ "x-hang": "1" })).toBe(503);
    }
  });

  it("sessions are found again from request to request, and overlapping ones lose nothing", async () => {
    const ask = (cookie = "") => flare.dispatchFetch("http://worker.test/", { headers: { cookie } });
    const first = await ask();
    const cookie = first.headers.getSetCookie()[0]!.split(";")[0]!;
    expect(await first.text()).toBe("1");
    const views = await Promise.all(Array.from({ length: 10 }, async () => (await ask(cookie)).text()));
    expect(views.map(Number).toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});
