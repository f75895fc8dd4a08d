import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "holdfast";
import { storeCases } from "holdfast/testing";
import { afterAll, expect, it } from "vitest";
import { blocks } from "./blocks.ts";
import { newFolder } from "./example.ts";

const folder = newFolder();
afterAll(folder.remove);

it("the example in the comment on Store keeps the contract", async () => {
  const file = join(folder.path, "map-store.ts");
  writeFileSync(file, blocks("src/store.ts")[0]!.code);
  const { mapStore } = (await import(file)) as { mapStore: () => Store };

  const store = mapStore();
  const broken: string[] = [];
  for (const { name, run } of storeCases(() => store, { indexed: false })) await run().catch(() => broken.push(name));
  expect(broken).toEqual([]);
});
