/**
 * `npm run test:examples`. examples/README.md says what an example needs to be so that it is found and driven here.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type App, newWorkshop, prepare, start } from "./heavy/app.ts";
import { Visitor } from "./heavy/visitor.ts";

const workshop = newWorkshop();
afterAll(() => rmSync(workshop.path, { recursive: true }));

/** By the project of `heavy.config.ts`. */
const name = process.env.EXAMPLE!;

describe(`the example ${name}`, () => {
  let app: App;

  beforeAll(async () => {
    app = await start(await prepare(workshop, name));
  });
  afterAll(() => app?.stop());

  const visitor = (cookie?: string): Visitor => new Visitor(app.url, cookie);

  it("sets no cookie for a visitor who leaves nothing", async () => {
    const one = visitor();
    expect(await one.page()).toEqual({ views: 0, user: "nobody" });
    expect(one.cookie).toBeUndefined();
  });

  it("finds a session again, by a cookie that no script can read", async () => {
    const [one, other] = [visitor(), visitor()];
    expect(await one.press("add")).toEqual({ views: 1, user: "nobody" });
    expect(one.lastSetCookie).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/i);
    expect(await one.press("add")).toEqual({ views: 2, user: "nobody" });
    expect(await one.page()).toEqual({ views: 2, user: "nobody" });
    expect(await one.data()).toEqual({ views: 2, user: null });
    expect(await other.page()).toEqual({ views: 0, user: "nobody" });
  });

  it("keeps the data at login, under a new id; the one from before is dead", async () => {
    const one = visitor();
    await one.press("add");
    const before = one.cookie;
    expect(await one.press("login", { user: "ada" })).toEqual({ views: 1, user: "ada" });
    expect(one.cookie).toBeDefined();
    expect(one.cookie).not.toBe(before);
    expect(await visitor(before).page()).toEqual({ views: 0, user: "nobody" });
    expect(await one.data()).toEqual({ views: 1, user: "ada" });
  });

  it("ends the session at logout, also for whoever else has its id", async () => {
    const one = visitor();
    await one.press("login", { user: "ada" });
    const before = one.cookie;
    expect(await one.press("logout")).toEqual({ views: 0, user: "nobody" });
    expect(one.cookie).toBeUndefined();
    expect(await visitor(before).data()).toEqual({ views: 0, user: null });
  });

  it("loses nothing of requests that overlap", async () => {
    const one = visitor();
    await one.press("add");
    for (let round = 0; round < 5; round++) {
      const value = String(round);
      await Promise.all([
        one.write({ a: value }),
        one.write({ b: value }),
        ...Array.from({ length: 4 }, () => one.send("add")),
      ]);
      expect(await one.data()).toEqual({ views: 1 + 4 * (round + 1), user: null, a: value, b: value });
    }
  });

  const cases = join(import.meta.dirname, "heavy", `${name}.ts`);
  if (existsSync(cases)) {
    describe("by its own means", async () => {
      const { default: define } = (await import(cases)) as { default: (app: () => App) => void };
      define(() => app);
    });
  }
});
