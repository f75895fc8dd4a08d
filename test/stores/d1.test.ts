import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type D1, d1Schema, d1Store } from "../../src/stores/d1.ts";
import { failing, newRecord, SECRET } from "./fixtures.ts";

/** Cloudflare's own runtime, with databases as it keeps them. The kit runs within it: test/runtimes/workerd.test.ts. */
const flare = new Miniflare({
  modules: true,
  script: "export default { fetch: () => new Response() }",
  compatibilityDate: "2026-07-01",
  d1Databases: { OWN: "own", MIGRATED: "migrated" },
  cf: false,
});

let own: D1;
let migrated: D1;
beforeAll(async () => {
  [own, migrated] = (await Promise.all(["OWN", "MIGRATED"].map((name) => flare.getD1Database(name)))) as unknown as [
    D1,
    D1,
  ];
});
afterAll(() => flare.dispose());

describe("a D1 database", () => {
  it("is prepared by the first operation, however many come first", async () => {
    const stores = Array.from({ length: 4 }, () => d1Store(own));
    expect(await Promise.all(stores.map((store, i) => store.create(`h${i}`, newRecord())))).toEqual(
      Array(4).fill("created"),
    );
    expect(await stores[0]!.problems!()).toEqual([]);
    await own.prepare("DROP INDEX holdfast_sessions_user").run();
    expect(await stores[0]!.problems!()).toEqual([expect.stringMatching(/no index on user_id/)]);
  });

  it("may be prepared by the app's own migrations", async () => {
    const store = d1Store(migrated, { migrate: false });
    await expect(store.read("h")).rejects.toEqual(failing("store-failed", /D1 failed/));
    for (const sql of d1Schema().split(";\n").filter(Boolean)) await migrated.prepare(sql).run();
    expect(await store.create("h", newRecord())).toBe("created");
  });

  it("writes no index for a session that lives on, and moves the sweep's where it ends sooner", async () => {
    const store = d1Store(own);
    const record = newRecord();
    await store.create("used", record);
    const sweepAt = async () =>
      (await own.prepare("SELECT sweep_at FROM holdfast_sessions WHERE handle = 'used'").raw())[0];
    const use = (expiresAt: number) =>
      store.update("used", { set: new Map([["a", "1"]]), touchedAt: 1, expiresAt }, { secretHash: SECRET });
    expect(await use(record.expiresAt + 1000)).toEqual({ status: "updated", version: 2 });
    expect(await sweepAt()).toEqual([record.expiresAt]);
    expect(await use(record.expiresAt - 1000)).toEqual({ status: "updated", version: 3 });
    expect(await sweepAt()).toEqual([record.expiresAt - 1000]);
  });

  it("that has damaged entries rejects that record alone", async () => {
    const store = d1Store(own);
    await store.create("damaged", newRecord());
    await own.prepare("UPDATE holdfast_sessions SET entries = '{\"a\": [1]}' WHERE handle = 'damaged'").run();
    await expect(store.read("damaged")).rejects.toEqual(failing("record-corrupt", /record damaged/));
    expect((await store.read("h0"))?.secretHash).toBe(SECRET);
  });

  it("is closed with its store", async () => {
    const store = d1Store(own);
    await store.close();
    await expect(store.read("h0")).rejects.toEqual(failing("store-closed", /closed/));
  });

  it("is what d1Store takes", () => {
    expect(() => d1Store({} as D1)).toThrow(expect.objectContaining({ code: "option-invalid" }));
    expect(() => d1Store(own, { migrations: true } as object)).toThrow(
      expect.objectContaining({ code: "option-unknown" }),
    );
    expect(() => d1Store(own, { migrate: "no" as unknown as boolean })).toThrow(
      expect.objectContaining({ code: "option-invalid" }),
    );
  });
});
