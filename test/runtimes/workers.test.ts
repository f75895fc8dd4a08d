import { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../needs.ts";
import { bundled } from "./bundle.ts";

describeWith("workerd", "an app on Workers", () => {
  let flare: Miniflare;

  beforeAll(async () => {
    flare = new Miniflare({
      modules: true,
      script: await bundled('export { default } from "./app.ts";', ["workerd"]),
      compatibilityDate: "2026-07-01",
      d1Databases: { DB: "sessions" },
      cf: false,
    });
    await flare.ready;
  });
  afterAll(() => flare.dispose());

  const ask = (path: string, cookie = "") => flare.dispatchFetch(`http://app.test${path}`, { headers: { cookie } });

  it("finds sessions again from request to request, and loses nothing of overlapping ones", async () => {
    const first = await ask("/views");
    const cookie = first.headers.getSetCookie()[0]!.split(";")[0]!;
    expect(await first.text()).toBe("1");
    const views = await Promise.all(Array.from({ length: 10 }, async () => (await ask("/views", cookie)).text()));
    expect(views.map(Number).toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it("has a deadline for each request, though timers end with the request that began them", async () => {
    for (let i = 0; i < 3; i++) {
      expect((await ask("/slow")).status).toBe(200);
      expect((await ask("/hang")).status).toBe(503);
    }
  });

  it("waits for no other request's work on the database's tables, which may never end", async () => {
    expect((await ask("/cut")).status).toBe(503);
    expect((await ask("/cut")).status).toBe(200);
  });

  it("sweeps when a cron trigger says so", async () => {
    const db = await flare.getD1Database("DB");
    await db.prepare("UPDATE holdfast_sessions SET expires_at = 1, sweep_at = 1").run();
    const worker = (await flare.getWorker()) as unknown as { scheduled(): Promise<{ outcome: string }> };
    expect((await worker.scheduled()).outcome).toBe("ok");
    expect((await db.prepare("SELECT count(*) FROM holdfast_sessions").raw())[0]).toEqual([0]);
  });
});
