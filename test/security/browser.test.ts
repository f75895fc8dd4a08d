import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CookieOptions, createSessions, type SessionsOptions } from "holdfast";
import { nodeSessions } from "holdfast/node";
import { memoryStore } from "holdfast/stores/memory";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Listening, listen, tls } from "../http/listen.ts";
import { describeWith } from "../needs.ts";
import { Scan } from "./scan.ts";

interface Data {
  n: number;
}

/** A site's pages: at `/set` the session gets data, `/login` remembers, `/show` tells what it has, and the others don't touch it. */
interface Site {
  readonly port: number;
  url(host: string, path: string): string;
}

describeWith("Chromium", "what holdfast sets, in Chromium", (executablePath) => {
  let profile: string;
  const servers: Listening[] = [];
  const scan = new Scan("holdfast", (id) => id.split(".")[1] ?? "");
  let context: BrowserContext;
  let page: Page;

  /** Every name leads to this machine. */
  const launch = async (): Promise<void> => {
    context = await chromium.launchPersistentContext(profile, {
      executablePath,
      chromiumSandbox: false,
      ignoreHTTPSErrors: true,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--host-resolver-rules=MAP * 127.0.0.1, EXCLUDE 127.0.0.1",
      ],
    });
    context.setDefaultTimeout(15_000);
    page = context.pages()[0] ?? (await context.newPage());
  };
  beforeAll(async () => {
    profile = mkdtempSync(join(tmpdir(), "holdfast-browser-"));
    // Some builds block cookies of frames; here it is the cookie's attributes that are tried.
    mkdirSync(join(profile, "Default"));
    writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
    await launch();
  });
  afterEach(async () => {
    await context.clearCookies();
    for (const { close } of servers.splice(0)) await close();
  });
  afterAll(async () => {
    await context.close();
    scan.close();
    rmSync(profile, { recursive: true, force: true });
  });

  async function serve(
    secure: boolean,
    cookie: CookieOptions = {},
    {
      pages = {},
      ...options
    }: Partial<SessionsOptions> & { pages?: Record<string, (response: ServerResponse) => void> } = {},
  ): Promise<Site> {
    const sessions = createSessions<Data>({ store: memoryStore(), cookie, ...options });
    const listener = nodeSessions(sessions, async (request, response) => {
      const path = request.url!.split("?", 1)[0]!;
      const { session } = request;
      response.setHeader("Content-Type", "text/html");
      if (pages[path]) return pages[path](response);
      // Under any cookie's path.
      const page = path.slice(path.lastIndexOf("/"));
      if (page === "/set") session.data.n = (session.data.n ?? 0) + 1;
      if (page === "/login") await session.login("ada");
      if (page === "/remember") await session.login("ada", { remember: true });
      if (page === "/logout") await session.destroy();
      const said = ["/set", "/show", "/administrator"].includes(page) ? String(session.data.n ?? "nothing") : path;
      const text = `${session.userId ?? "nobody"} ${said}`;
      scan.heard("body", text);
      response.end(`<!doctype html><link rel="icon" href="data:,"><p>${text}</p>`);
    });
    const server = await listen(secure ? createSecure(tls, listener) : createServer(listener));
    servers.push(server, { port: 0, close: () => sessions.close() });
    const { port } = server;
    return { port, url: (host, path) => `${secure ? "https" : "http"}://${host}:${port}${path}` };
  }

  async function text(url: string): Promise<string> {
    const response = await page.goto(url);
    for (const { name, value } of (await response?.headersArray()) ?? []) {
      if (name.toLowerCase() === "set-cookie") for (const line of value.split("\n")) scan.issued(line);
    }
    return (await page.locator("p").textContent()) ?? "";
  }

  const cookies = () => context.cookies();
  const names = async (): Promise<string[]> => (await cookies()).map(({ name }) => name);

  it("on https, a __Host- cookie that is Secure, HttpOnly and of this host alone", async () => {
    const { url } = await serve(true);
    expect(await text(url("shop.test", "/set"))).toBe("nobody 1");
    expect(await text(url("shop.test", "/show"))).toBe("nobody 1");
    expect(await cookies()).toMatchObject([
      {
        name: "__Host-sid",
        domain: "shop.test",
        path: "/",
        secure: true,
        httpOnly: true,
        sameSite: "Lax",
        expires: -1,
      },
    ]);
    expect(await text(url("www.shop.test", "/show"))).toBe("nobody nothing");
    expect(await page.evaluate("document.cookie")).toBe("");
  });

  it("on https at localhost, the same", async () => {
    const { url } = await serve(true);
    await text(url("localhost", "/set"));
    expect(await text(url("localhost", "/show"))).toBe("nobody 1");
    expect(await names()).toEqual(["__Host-sid"]);
  });

  it("with a domain, a __Secure- cookie that the subdomains get, too", async () => {
    const { url } = await serve(true, { domain: "shop.test" });
    await text(url("www.shop.test", "/set"));
    expect(await text(url("shop.test", "/show"))).toBe("nobody 1");
    expect(await cookies()).toMatchObject([{ name: "__Secure-sid", domain: ".shop.test" }]);
  });

  it("a __Host- cookie that a subdomain plants for the domain is refused, and a plain one is not looked at", async () => {
    const plant = (response: ServerResponse): void => {
      const id = `${"h".repeat(22)}.${"s".repeat(43)}`;
      response.setHeader("Set-Cookie", [
        `__Host-sid=${id}; Domain=shop.test; Path=/; Secure`,
        `__host-sid=${id}; Domain=shop.test; Path=/; Secure`,
        `__Host-sid=${id}; Path=/show; Secure`,
        `sid=${id}; Domain=shop.test; Path=/`,
      ]);
      response.end("<p>planted</p>");
    };
    const site = await serve(true, {}, { pages: { "/plant": plant } });
    expect(await text(site.url("evil.shop.test", "/plant"))).toBe("planted");
    expect(await names()).toEqual(["sid"]);
    await text(site.url("shop.test", "/login"));
    expect(await text(site.url("shop.test", "/show"))).toBe("ada nothing");
  });

  it("over plain http to localhost, a plain cookie; one that is Secure by option works there, too", async () => {
    const plain = await serve(false);
    await text(plain.url("localhost", "/set"));
    expect(await text(plain.url("localhost", "/show"))).toBe("nobody 1");
    expect(await cookies()).toMatchObject([{ name: "sid", secure: false }]);
    await context.clearCookies();
    const secure = await serve(false, { secure: true });
    await text(secure.url("localhost", "/set"));
    expect(await text(secure.url("localhost", "/show"))).toBe("nobody 1");
    expect(await cookies()).toMatchObject([{ name: "__Host-sid", secure: true }]);
  });

  it("a Secure cookie over plain http to another host is dropped", async () => {
    const { url } = await serve(false, { secure: true });
    await text(url("shop.test", "/set"));
    expect(await text(url("shop.test", "/show"))).toBe("nobody nothing");
    expect(await names()).toEqual([]);
  });

  // By a link, by a form's post, and from within another site's frame.
  it.each([
    ["strict", { link: false, post: false, frame: false }],
    ["lax", { link: true, post: false, frame: false }],
    ["none", { link: true, post: true, frame: true }],
  ] as const)("SameSite %s goes with another site's requests so: %o", async (sameSite, expected) => {
    const shop = await serve(true, { sameSite, ...(sameSite === "none" && { secure: true }) });
    const target = shop.url("shop.test", "/show");
    const lure = await serve(
      true,
      {},
      {
        pages: {
          "/lure": (response) =>
            response.end(
              `<!doctype html><a href="${target}">go</a><form method="post" action="${target}"><button>send</button></form><iframe src="${target}"></iframe>`,
            ),
        },
      },
    );
    await text(shop.url("shop.test", "/login"));
    expect(await text(target)).toBe("ada nothing");

    const from = lure.url("evil.test", "/lure");
    const came = async (): Promise<boolean> => (await page.locator("p").textContent()) === "ada nothing";
    await page.goto(from);
    const frame = (await page.frameLocator("iframe").locator("p").textContent()) === "ada nothing";
    await page.getByRole("link").click();
    const link = await came();
    // A cookie without SameSite may go with a post for two minutes; one that says Lax never does.
    await page.goto(from);
    await page.getByRole("button").click();
    const post = await came();
    expect({ link, post, frame }).toEqual(expected);
    // Their own site's pages always bring it: a subdomain is the same site.
    const sibling = await serve(
      true,
      {},
      { pages: { "/lure": (response) => response.end(`<a href="${target}">go</a>`) } },
    );
    await page.goto(sibling.url("www.shop.test", "/lure"));
    await page.getByRole("link").click();
    expect(await came()).toBe(true);
  });

  it("Partitioned keeps a jar for each site that embeds it", async () => {
    const shop = await serve(true, { sameSite: "none", secure: true, partitioned: true });
    const outer = await serve(
      true,
      {},
      {
        pages: {
          "/embed": (response) =>
            response.end(`<!doctype html><iframe src="${shop.url("shop.test", "/set")}"></iframe>`),
        },
      },
    );
    const shown = async (host: string): Promise<string | null> => {
      await page.goto(outer.url(host, "/embed"));
      return page.frameLocator("iframe").locator("p").textContent();
    };
    expect(await shown("one.test")).toBe("nobody 1");
    expect(await shown("one.test")).toBe("nobody 2");
    expect(await shown("two.test")).toBe("nobody 1");
    expect(await text(shop.url("shop.test", "/show"))).toBe("nobody nothing");
  });

  it("the longest name that is taken still makes a cookie that Chromium keeps; Chromium's limit is 4096 octets", async () => {
    const longest = "n".repeat(256);
    const { url } = await serve(true, { name: longest });
    await text(url("shop.test", "/set"));
    expect(await text(url("shop.test", "/show"))).toBe("nobody 1");
    expect(await names()).toEqual([`__Host-${longest}`]);
    expect(() => createSessions({ store: memoryStore(), cookie: { name: `${longest}n` } })).toThrow(/256/);
    await context.clearCookies();

    const pad = (size: number) => (response: ServerResponse) => {
      response.setHeader("Set-Cookie", `n=${"v".repeat(size - 1)}; Path=/; Secure`);
      response.end("<p>padded</p>");
    };
    const bare = await serve(true, {}, { pages: { "/fits": pad(4096), "/long": pad(4097) } });
    await text(bare.url("shop.test", "/long"));
    expect(await names()).toEqual([]);
    await text(bare.url("shop.test", "/fits"));
    expect(await names()).toEqual(["n"]);
  });

  it("the longest path that is taken is kept as it is; of a longer one Chromium would drop the attribute", async () => {
    const longest = `/${"p".repeat(1023)}`;
    const { url } = await serve(true, { path: longest });
    await text(url("shop.test", `${longest}/set`));
    expect(await cookies()).toMatchObject([{ name: "__Secure-sid", path: longest }]);
    expect(() => createSessions({ store: memoryStore(), cookie: { path: `${longest}p` } })).toThrow(/1024/);
  });

  it("a path is matched by whole segments", async () => {
    const { url } = await serve(true, { path: "/admin" });
    await text(url("shop.test", "/admin/set"));
    expect(await text(url("shop.test", "/admin/show"))).toBe("nobody 1");
    expect(await text(url("shop.test", "/administrator"))).toBe("nobody nothing");
  });

  it("a logout takes the cookie out of the jar, whatever its attributes", async () => {
    const attributes: CookieOptions[] = [
      {},
      { domain: "shop.test" },
      { sameSite: "none", secure: true, partitioned: true },
      { path: "/shop" },
    ];
    for (const cookie of attributes) {
      const { url } = await serve(true, cookie);
      await text(url("shop.test", "/shop/login"));
      expect(await names()).toHaveLength(1);
      await text(url("shop.test", "/shop/logout"));
      expect(await names(), JSON.stringify(cookie)).toEqual([]);
    }
  });

  it("a memory cookie is gone when the browser comes back, and a persistent one is there", async () => {
    const { url } = await serve(true);
    await text(url("shop.test", "/login"));
    await text(url("kept.test", "/remember"));
    expect((await cookies()).map(({ domain, expires }) => [domain, expires > 0]).sort()).toEqual([
      ["kept.test", true],
      ["shop.test", false],
    ]);
    const ends = (await cookies()).find(({ domain }) => domain === "kept.test")!.expires * 1000 - Date.now();
    expect(Math.abs(ends - 12 * 3_600_000)).toBeLessThan(60_000);
    await context.close();
    await launch();
    expect(await text(url("shop.test", "/show"))).toBe("nobody nothing");
    expect(await text(url("kept.test", "/show"))).toBe("ada nothing");
  });
});
