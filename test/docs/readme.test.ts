import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../package/subpaths.ts";
import { app, blocks, list, read } from "./blocks.ts";
import { Browser, type Example, newFolder, start } from "./example.ts";

describe("the quick start for Express", () => {
  const quickStart = app("README.md", "express");
  const folder = newFolder();
  let example: Example;
  const browser = (cookie?: string): Browser => new Browser(example, cookie);

  beforeAll(async () => {
    example = await start(quickStart, folder.path);
  });
  afterAll(async () => {
    await example?.stop();
    folder.remove();
  });

  /** Presses the button that posts to `path`, and follows to the page. */
  async function press(one: Browser, path: string): Promise<string> {
    const response = await one.request("POST", path);
    expect([response.status, response.headers.get("location")]).toEqual([302, "/"]);
    return one.page();
  }

  it("counts each visitor's views", async () => {
    const [one, other] = [browser(), browser()];
    expect(await one.page()).toBe("Hello stranger: 1 views, 0 teas in the cart.");
    expect(await one.page()).toContain("2 views");
    expect(await other.page()).toContain("1 views");
  });

  it("counts views that overlap", async () => {
    const one = browser();
    await one.page();
    await Promise.all(Array.from({ length: 20 }, () => one.page()));
    expect(await one.page()).toContain("22 views");
  });

  it("has saved the cart when the redirect arrives", async () => {
    const one = browser();
    expect(await press(one, "/tea")).toContain("1 teas");
    expect(await press(one, "/tea")).toContain("2 teas");
  });

  it("keeps the data at login, and the id from before is dead", async () => {
    const one = browser();
    await press(one, "/tea");
    const before = one.cookie;
    expect(await press(one, "/login")).toBe("Hello ada: 2 views, 1 teas in the cart.");
    expect(one.cookie).not.toBe(before);
    expect(await browser(before).page()).toContain("Hello stranger: 1 views");
  });

  it("clears the cookie at logout, and the id is dead", async () => {
    const one = browser();
    await press(one, "/login");
    const before = one.cookie;
    await one.request("POST", "/logout");
    expect(one.cookie).toBeUndefined();
    expect(await browser(before).page()).toContain("Hello stranger");
  });

  it("logs out everywhere", async () => {
    const browsers = [browser(), browser(), browser()];
    for (const one of browsers) expect(await press(one, "/login")).toContain("Hello ada");
    await browsers[0]!.request("POST", "/logout-everywhere");
    expect(browsers[0]!.cookie).toBeUndefined();
    for (const one of browsers) expect(await one.page()).toContain("Hello stranger");
  });

  it("shares its sessions with a second process on the same file", async () => {
    const one = browser();
    await press(one, "/login");
    const second = await start(quickStart, folder.path);
    expect(await new Browser(second, one.cookie).page()).toContain("Hello ada: 2 views");
    await second.stop();
    expect(await one.page()).toContain("Hello ada: 3 views");
  });
});

describe("the quick start for node:http", () => {
  const folder = newFolder();
  let example: Example;
  beforeAll(async () => {
    example = await start(app("README.md", "node:http"), folder.path);
  });
  afterAll(async () => {
    await example?.stop();
    folder.remove();
  });

  it("counts each visitor's views", async () => {
    const [one, other] = [new Browser(example), new Browser(example)];
    expect(await one.page()).toBe("1 views\n");
    expect(await one.page()).toBe("2 views\n");
    expect(await other.page()).toBe("1 views\n");
  });
});

describe("the Korean README", () => {
  const outline = (file: string) => [...read(file).matchAll(/^#+(?= )/gm)].map(([level]) => level);
  const rows = (file: string) => [...read(file).matchAll(/^\| (`[^|]+`) \|/gm)].map(([, name]) => name);

  it("has the same code, word for word", () => {
    const code = (file: string) => blocks(file).map(({ language, code }) => ({ language, code }));
    expect(code("README.ko.md")).toEqual(code("README.md"));
  });

  it("has the same sections", () => {
    expect(outline("README.ko.md")).toEqual(outline("README.md"));
  });

  it("has the same options and members", () => {
    expect(rows("README.ko.md")).toEqual(rows("README.md"));
  });
});

describe("the README", () => {
  const readme = read("README.md");
  const words = new Set(
    [readme, ...list("docs", ".md").map(read)]
      .flatMap((text) => text.match(/`[^`\n]+`/g) ?? [])
      .flatMap((span) => span.match(/\w+/g) ?? []),
  );
  const plain = (code = "") => code.replaceAll(/[`"]/g, "");
  const defaults = new Map(
    [...readme.matchAll(/^\| `([\w.]+)` \| (.*?) \| .* \|$/gm)].map(([, name, value]) => [name, plain(value)]),
  );

  /** The drop-in's are express-session's, which has documents of its own. */
  const isOurs = (file: string) => !/^src\/express-session\/(options|cookie)\.ts$/.test(file);

  /** Every option of every function, with the default that its comment says, where that is a value. */
  const options = list("src", ".ts")
    .filter(isOurs)
    .flatMap((file) =>
      [...read(file).matchAll(/^export interface (\w+Options)\b.*?\{\n(.*?)^\}/gms)].flatMap(
        ([, owner, members = ""]) =>
          [...members.matchAll(/^ {2}(?:\/\*\*(.*?)\*\/\s+)?(\w+)\??:/gms)].map(([, comment = "", option = ""]) => ({
            owner,
            option,
            value: /Default: (`[^`]+`|true|false)/.exec(comment)?.[1],
          })),
      ),
    );

  it.each(options)("or one of the docs names $option of $owner", ({ option }) => {
    expect([...words]).toContain(option);
  });

  const settings = options
    .filter(({ owner, option }) => owner === "SessionsOptions" && option !== "cookie")
    .concat(options.filter(({ owner }) => owner === "CookieOptions"))
    .map(({ owner, option, value }) => ({ name: owner === "CookieOptions" ? `cookie.${option}` : option, value }));

  it("has a row for each option of createSessions", () => {
    expect([...defaults.keys()].toSorted()).toEqual(settings.map(({ name }) => name).toSorted());
  });

  it.each(settings.filter(({ value }) => value))("knows the default of $name", ({ name, value }) => {
    expect(defaults.get(name)).toBe(plain(value));
  });
});

it.each(["README.md", "README.ko.md", ...list("docs", ".md")])("%s links to what is there", (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = ""]) => link);
  expect(links.filter((link) => !existsSync(join(root, dirname(file), link)))).toEqual([]);
});
