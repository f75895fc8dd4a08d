import { join } from "node:path";
import { build } from "esbuild";
import { expect, it, onTestFinished } from "vitest";
import { Browser, newFolder, run } from "../docs/example.ts";
import { root } from "../package/subpaths.ts";

/** Node strips types, but runs no decorators: esbuild compiles those, by the example's own tsconfig.json. */
async function start() {
  const folder = newFolder();
  const outfile = join(folder.path, "server.mjs");
  await build({
    entryPoints: [join(root, "examples/nest/server.ts")],
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    outfile,
  });
  const example = await run(outfile, folder.path);
  onTestFinished(async () => {
    await example.stop();
    folder.remove();
  });
  return example;
}

it("the example for Nest lists devices for who is logged in alone, and signs the others out", async () => {
  const example = await start();
  const [one, other] = [new Browser(example), new Browser(example)];
  expect((await one.request("GET", "/devices")).status).toBe(401);
  for (const browser of [one, other]) {
    const { status, headers } = await browser.request("POST", "/login", { user: "<ada>" });
    expect([status, headers.get("location")]).toEqual([303, "/"]);
  }
  const devices = async (browser: Browser) => (await browser.request("GET", "/devices")).json();
  expect(await devices(one)).toMatchObject([{ userId: "<ada>" }, { userId: "<ada>" }]);
  expect((await one.request("POST", "/devices/sign-out-others", {})).status).toBe(204);
  expect(await devices(one)).toHaveLength(1);
  expect((await other.request("GET", "/devices")).status).toBe(401);

  await one.request("POST", "/logout", {});
  expect(one.cookie).toBeUndefined();
});
