import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Store } from "holdfast";
import { historyCases, raceCases, storeCases } from "holdfast/testing";
import { afterAll, describe, expect, it } from "vitest";
import { type Block, blocks } from "./blocks.ts";
import { newFolder } from "./example.ts";

const folder = newFolder();
afterAll(folder.remove);

/** The names of the cases that the store fails. */
async function brokenBy(make: () => Store): Promise<string[]> {
  const broken: string[] = [];
  const options = { indexed: false } as const;
  const [store, raced] = [make(), make()];
  const races = [...raceCases(() => raced, options), ...historyCases(() => raced)];
  for (const { name, run } of [...storeCases(() => store, options), ...races])
    await Promise.resolve(run()).catch(() => broken.push(name));
  return broken;
}

async function load<Module>(name: string, { code }: Block): Promise<Module> {
  const file = join(folder.path, name);
  writeFileSync(file, code);
  return import(file);
}

it("the example in the comment on Store keeps the contract", async () => {
  const { mapStore } = await load<{ mapStore: () => Store }>("map-store.ts", blocks("src/store.ts")[0]!);
  expect(await brokenBy(mapStore)).toEqual([]);
});

describe("the example in docs/stores.md", () => {
  const example = blocks("docs/stores.md").find(({ code }) => code.includes("tableStore"))!;

  it("keeps the contract on a table with conditional writes", async () => {
    const { tableStore } = await load<{ tableStore: (table: object) => Store }>("table-store.ts", example);
    expect(await brokenBy(() => tableStore(conditionalTable()))).toEqual([]);
  });

  it("has some fifty lines", () => {
    expect(example.code.split("\n").length).toBeLessThan(60);
  });
});

/** A table as the example wants it. Each call takes a turn of the event loop, as one over a network does, so that others come between. */
function conditionalTable() {
  const rows = new Map<string, { text: string; tag: string }>();
  let tags = 0;
  return {
    async get(key: string) {
      await setImmediate();
      return rows.get(key);
    },
    async put(key: string, text: string, tag?: string) {
      await setImmediate();
      if (rows.get(key)?.tag !== tag) return false;
      rows.set(key, { text, tag: String(++tags) });
      return true;
    },
    async remove(key: string, tag: string) {
      await setImmediate();
      return rows.get(key)?.tag === tag && rows.delete(key);
    },
    async *keys() {
      yield* [...rows.keys()];
    },
  };
}
