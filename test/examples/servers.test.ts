import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Browser, newFolder, run } from "../docs/example.ts";
import { root } from "../package/subpaths.ts";

/** The examples that are one server each, and do all the same. */
describe.each(["fastify", "koa", "hono", "h3"])("the example for %s", (name) => {
  it("counts, logs in and out, and has its sessions again after a restart", async () => {
    const folder = newFolder();
    onTestFinished(folder.remove);
    const start = () => run(join(root, "examples", name, "server.ts"), folder.path);
    let example = await start();
    const browser = new Browser(example);
    expect(await browser.page()).toBe("Hello stranger: 1 views.");
    const { status, headers } = await browser.request("POST", "/login", { user: "<ada>" });
    expect([status, headers.get("location")]).toEqual([303, "/"]);
    expect(await browser.page()).toMatch(/^Hello &(#60|lt);ada&(#62|gt);: 2 views\.$/);

    await example.stop();
    example = await start();
    onTestFinished(() => example.stop());
    const later = new Browser(example, browser.cookie);
    expect(await later.page()).toMatch(/^Hello &(#60|lt);ada&(#62|gt);: 3 views\.$/);
    const [leaving, left] = [new Browser(example, later.cookie), later];
    expect((await leaving.request("POST", "/logout", {})).status).toBe(303);
    expect(leaving.cookie).toBeUndefined();
    expect(await left.page()).toBe("Hello stranger: 1 views.");
  });
});
