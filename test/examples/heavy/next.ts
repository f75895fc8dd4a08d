import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { adapterCases, type Serve } from "holdfast/testing";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, it, test } from "vitest";
import { type NextRequest, nextSessions } from "../../../src/frameworks/next.ts";
import { appRequest, responseOf } from "../../frameworks/fetch.ts";
import { listen } from "../../http/listen.ts";
import { describeWith } from "../../needs.ts";
import type { App } from "./app.ts";
import { Visitor } from "./visitor.ts";

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** `next`, as the example has it. */
type Next = (options: { dir: string; dev: false }) => {
  prepare(): Promise<void>;
  getRequestHandler(): Handle;
  close(): Promise<void>;
};

const global = globalThis as { holdfastSuite?: (request: Request, next: NextRequest) => Promise<Response> };

export default function cases(app: () => App): void {
  const visitor = (cookie?: string): Visitor => new Visitor(app().url, cookie);

  it("refuses what would change the session in a render, and names what to do", async () => {
    const one = visitor();
    await one.press("add");
    const html = await (await one.request("/wrong")).text();
    const refused = ["assign", "remove", "login", "destroy", "update", "flash"].map(
      (name) => `${name} session-read-only`,
    );
    expect(html).toContain(refused.join(", "));
    expect(await one.page()).toEqual({ views: 1, user: "nobody" });
  });

  it("answers no success where the store is down, by a page nor by a redirect", async () => {
    for (const button of ["save", "saveAndLeave"]) {
      const response = await visitor().send(button, {}, "/broken");
      expect([button, response.status, response.headers.get("location"), response.headers.getSetCookie()]).toEqual([
        button,
        500,
        null,
        [],
      ]);
    }
    expect(app().log()).toContain("The session store failed to create");
  });

  it("saves what came before notFound()", async () => {
    const one = visitor();
    expect((await one.send("addAndMiss", {}, "/forms")).status).toBe(404);
    expect(await one.page()).toEqual({ views: 10, user: "nobody" });
  });

  it("gives the client its new id where the action failed after a login, and drops what wasn't saved", async () => {
    const one = visitor();
    expect((await one.send("loginAndFail", {}, "/forms")).status).toBe(500);
    expect(await one.page()).toEqual({ views: 0, user: "ada" });
  });

  it("renders the page after an action with the new id, in the same request", async () => {
    const one = visitor();
    await one.press("add");
    const html = await (await one.send("loginAndStay", {}, "/forms")).text();
    expect(html).toContain("user: ada");
    expect(html).toContain("views: 1");
  });

  it("shares one session between wrapped functions that call each other", async () => {
    const one = visitor();
    await one.send("nested", {}, "/forms");
    expect(await one.data()).toEqual({ views: 1, user: "ada", a: "inner", b: "ada inner ada" });
  });

  it("saves before a route handler's redirect()", async () => {
    const one = visitor();
    const response = await one.request("/jump", { method: "POST" });
    expect([response.status, response.headers.get("location")]).toEqual([307, "/forms"]);
    expect(await one.page()).toEqual({ views: 0, user: "ada" });
  });

  it("lets the page see what its proxy began", async () => {
    const one = visitor();
    const response = await one.request("/gate");
    expect(await response.text()).toContain("user: guest");
    // What is said between the proxy and the page stays there.
    expect([...response.headers.keys()].filter((name) => name.startsWith("x-middleware-"))).toEqual([]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(one.lastSetCookie).toMatch(/^sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/i);
    expect(await one.page()).toEqual({ views: 0, user: "guest" });
  });

  it("saves before a proxy's redirect", async () => {
    const one = visitor();
    const response = await one.request("/gate/back");
    expect([response.status, new URL(response.headers.get("location")!, app().url).pathname]).toEqual([307, "/"]);
    expect(await one.page()).toEqual({ views: 0, user: "guest" });
  });

  describeWith("Chromium", "in a browser with scripts, where Next sends actions by fetch", (executablePath) => {
    it("shows what an action changed, counts those of two tabs, and tells of one that failed", async () => {
      const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"];
      const browser = await chromium.launch({ executablePath, chromiumSandbox: false, args });
      try {
        const context = await browser.newContext({ baseURL: app().url });
        context.setDefaultTimeout(15_000);
        const [one, other] = [await context.newPage(), await context.newPage()];
        const posts: string[] = [];
        context.on("request", (request) => {
          if (request.method() === "POST") posts.push(request.headers()["next-action"] ? "fetch" : "form");
        });
        await one.goto("/", { waitUntil: "networkidle" });
        await one.getByRole("button", { name: "add" }).click();
        await one.getByText("views: 1").waitFor();
        expect(await context.cookies()).toMatchObject([{ name: "sid", httpOnly: true, sameSite: "Lax", expires: -1 }]);

        await other.goto("/", { waitUntil: "networkidle" });
        await Promise.all([one, other].map((page) => page.getByRole("button", { name: "add" }).click()));
        await Promise.all([one, other].map((page) => page.getByText(/views: [23]/).waitFor()));
        await one.reload({ waitUntil: "networkidle" });
        await one.getByText("views: 3").waitFor();

        const before = (await context.cookies())[0]!.value;
        await one.getByRole("textbox").fill("ada");
        await one.getByRole("button", { name: "log in" }).click();
        await one.getByText("user: ada").waitFor();
        expect((await context.cookies())[0]!.value).not.toBe(before);
        expect(await visitor(`sid=${before}`).page()).toEqual({ views: 0, user: "nobody" });

        await one.getByRole("button", { name: "log out" }).click();
        await one.getByText("user: nobody").waitFor();
        expect(await context.cookies()).toEqual([]);

        await other.goto("/broken", { waitUntil: "networkidle" });
        const answered = other.waitForResponse((response) => response.request().method() === "POST");
        await other.locator("button[name=save]").click();
        expect((await answered).status()).toBe(500);
        expect(new Set(posts)).toEqual(new Set(["fetch"]));
      } finally {
        await browser.close();
      }
    });
  });

  /** The suite's apps in a route handler, with Next in this process: the suite holds requests at its barriers. */
  let handle: Handle;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const next = createRequire(join(app().folder, "package.json"))("next") as Next;
    const server = next({ dir: app().folder, dev: false });
    await server.prepare();
    handle = server.getRequestHandler();
    close = () => server.close();
  });
  afterAll(() => close?.());

  const serve: Serve = async (sessions, suite) => {
    global.holdfastSuite = (request, next) => {
      const { withSession } = nextSessions(sessions, next);
      const answer = withSession(
        async (session, asked: Request) => {
          const { path, ...rest } = appRequest(asked);
          return responseOf(await suite.handle({ ...rest, path: path.slice("/suite".length) }, session));
        },
        { onError: (error) => responseOf(suite.onError(error)) },
      );
      return answer(request);
    };
    const { port, close } = await listen(
      createServer((request, response) => {
        request.url = `/suite${request.url}`;
        leaveOutNextsVary(response);
        void handle(request, response);
      }),
    );
    return { url: `http://127.0.0.1:${port}`, close };
  };
  for (const { name, run } of adapterCases(serve)) test(name, run);
}

/** Next's own headers in Vary, on each response, are none of the suite's business. */
function leaveOutNextsVary(response: ServerResponse): void {
  const own = /^(rsc|next-.*|accept-encoding)$/i;
  const writeHead = response.writeHead;
  response.writeHead = ((...args: Parameters<typeof writeHead>) => {
    const names = String([response.getHeader("vary") ?? []].flat()).split(/, */);
    const vary = names.filter((name) => name && !own.test(name)).join(", ");
    if (vary) response.setHeader("vary", vary);
    else response.removeHeader("vary");
    return writeHead.apply(response, args);
  }) as typeof writeHead;
}
