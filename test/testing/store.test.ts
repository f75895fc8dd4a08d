import { AssertionError } from "node:assert/strict";
import { storeCases } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import type { IndexedStore } from "../../src/store.ts";
import { broken, brokenSelfExpiring } from "./broken.ts";
import { correct, open } from "./plain.ts";

describe("the store kit", () => {
  const records = new Map();
  const cases = storeCases(() => correct(records));

  describe("passes a correct store", () => {
    for (const { name, run } of cases) it(name, run);
  });

  describe("catches a store that", () => {
    for (const [name, breakages] of Object.entries(broken))
      for (const [what, breakage] of Object.entries(breakages))
        it(`${what}, by "${name}"`, async () => {
          const records = new Map();
          const { run } = storeCases(() => open(records, breakage)).find((one) => one.name === name)!;
          await expect(run()).rejects.toBeInstanceOf(AssertionError);
        });
  });

  it("has no case that catches nothing", () => {
    expect(cases.map(({ name }) => name)).toEqual(Object.keys(broken));
  });

  describe("catches a self-expiring store that", () => {
    for (const [name, breakages] of Object.entries(brokenSelfExpiring))
      for (const [what, breakage] of Object.entries(breakages))
        it(`${what}, by "${name}"`, async () => {
          const records = new Map();
          const selfExpiring = storeCases(() => open(records, breakage), { sweeps: false });
          const { run } = selfExpiring.find((one) => one.name === name)!;
          await expect(run()).rejects.toBeInstanceOf(AssertionError);
        });
  });

  it("spares a self-expiring store the cases that sweep", () => {
    const all = new Set([...Object.keys(broken), ...Object.keys(brokenSelfExpiring)]);
    const names = storeCases(() => correct(new Map()), { sweeps: false }).map(({ name }) => name);
    const spared = [...all].filter((name) => !names.includes(name));
    expect(spared).toEqual(Object.keys(broken).filter((name) => /sweep|swept/.test(name)));
  });

  it("spares a store without an index the cases by user", async () => {
    const { list: _, deleteAll: __, ...plain } = correct(new Map());
    const names = storeCases(() => plain, { indexed: false }).map(({ name }) => name);
    expect(names.filter((name) => /list|user|deleteAll/.test(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(60);
  });

  it("says so when a store has no index, and nobody has said that", async () => {
    const { list: _, ...plain } = correct(new Map());
    const { run } = storeCases(() => plain as IndexedStore).at(-1)!;
    await expect(run()).rejects.toThrow("indexed: false");
  });

  it("opens two clients, once", async () => {
    const records = new Map();
    let opened = 0;
    const counted = storeCases(async () => {
      opened++;
      return correct(records);
    });
    expect(opened).toBe(0);
    await Promise.all(counted.slice(0, 5).map(({ run }) => run()));
    expect(opened).toBe(2);
  });
});
