import { execFile } from "node:child_process";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { H3Event, Middleware } from "h3";
import { h3Sessions } from "holdfast/h3";
import { adapterCases, type Serve } from "holdfast/testing";
import { afterAll, beforeAll, expect, it, test, vi } from "vitest";
import { appRequest, responseOf } from "../../frameworks/fetch.ts";
import { listen } from "../../http/listen.ts";
import type { App } from "./app.ts";
import { Visitor } from "./visitor.ts";

interface Suite {
  readonly middleware: Middleware;
  answer(event: H3Event): unknown;
  onError(error: { readonly cause?: unknown }): Response;
}

const global = globalThis as { holdfastSuite?: Suite | undefined };

export default function cases(app: () => App): void {
  const visitor = (cookie?: string): Visitor => new Visitor(app().url, cookie);

  it.each([
    ["streamed", 200],
    ["response", 201],
    ["missed-stream", 404],
    ["missed", 404],
  ])("sends the cookie, the app's own and the body with %s", async (how, status) => {
    const one = visitor();
    const response = await one.request(`/wrong/${how}`);
    expect([response.status, await response.text()]).toEqual([status, how === "missed" ? "missed" : "stream"]);
    expect(response.headers.getSetCookie()).toEqual(["app=1", expect.stringMatching(/^sid=/)]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    if (how === "response" || how === "missed-stream") {
      expect(response.headers.get("x-own")).toBe("1");
      // Nitro prepares the first, and h3 has what is prepared take the place of the response's own.
      expect(response.headers.get("vary")).toBe("Accept-Encoding, Cookie");
    }
    if (how === "missed-stream") expect(response.statusText).toBe("Not Here");
    expect(await one.page()).toEqual({ views: 5, user: "nobody" });
  });

  it("never gives one client's id to the next that the same Response is for", async () => {
    const ids = new Set<string | undefined>();
    for (let client = 0; client < 3; client++) {
      const one = visitor();
      const response = await one.request("/wrong/shared");
      expect(response.status).toBe(204);
      expect(response.headers.getSetCookie().filter((cookie) => cookie.startsWith("sid="))).toHaveLength(1);
      ids.add(one.cookie);
    }
    expect(ids.size).toBe(3);
  });

  it.each([
    ["login-and-throw", 402, "Pay first"],
    ["login-and-miss", 404, "Gone"],
    ["login-and-break", 500, "Server Error"],
  ])("tells of the login before the error that Nitro answers: %s", async (how, status, message) => {
    const one = visitor();
    const response = await one.request(`/wrong/${how}`);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ status, message });
    expect(response.headers.getSetCookie().toSorted()).toEqual(["app=1", expect.stringMatching(/^sid=/)]);
    expect(response.headers.get("vary")).toContain("Cookie");
    expect(await one.page()).toEqual({ views: 0, user: "ada" });
  });

  it("answers no success for what can't be saved, with nothing of what the handler prepared", async () => {
    const response = await visitor().request("/wrong/unsavable");
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: true, message: "Server Error" });
    expect([response.headers.get("etag"), response.headers.getSetCookie()]).toEqual([null, []]);
  });

  it("leaves it a 404 where no route answers", async () => {
    const response = await visitor().request("/nowhere");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ status: 404 });
  });

  it("saves what middleware changed where no route answers", async () => {
    const one = visitor();
    const response = await one.request("/nowhere/touched");
    expect([response.status, response.headers.getSetCookie().length]).toEqual([404, 1]);
    expect(await response.json()).toMatchObject({ status: 404 });
    expect(await one.page()).toEqual({ views: 5, user: "nobody" });
  });

  it("keeps the session's headers out of what Nitro caches", async () => {
    const [one, other] = [visitor(), visitor()];
    for (const each of [one, other]) expect(await (await each.request("/cached")).text()).toBe("for everybody");
    expect([one.cookie, other.cookie]).toEqual([expect.any(String), expect.any(String)]);
    expect(one.cookie).not.toBe(other.cookie);
    expect(await other.page()).toEqual({ views: 5, user: "nobody" });
  });

  it("lets a Node handler answer by itself, and reports the cookie that could not leave", async () => {
    const response = await visitor().request("/wrong/by-node");
    expect([response.status, await response.text(), response.headers.getSetCookie()]).toEqual([200, "by Node", []]);
    await vi.waitFor(() => expect(app().log()).toContain("headers-sent"));
  });

  /** The suite's apps, with Nitro in this process: the suite holds requests at its barriers. */
  let handle: RequestListener;
  beforeAll(async () => {
    vi.spyOn(console, "error").mockImplementation(() => {}); // Nitro's, of each error
    const { folder } = app();
    const output = join(folder, ".output-suite");
    // The build that runs stays where it is.
    await promisify(execFile)("npx", ["nitro", "build", "--preset", "node-middleware"], {
      cwd: folder,
      env: { ...process.env, NODE_ENV: "production", OUTPUT: output },
    });
    process.env.DATABASE = join(folder, "suite.db");
    const built = pathToFileURL(join(output, "server/index.mjs")).href;
    handle = ((await import(/* @vite-ignore */ built)) as { middleware: RequestListener }).middleware;
  });
  afterAll(() => {
    global.holdfastSuite = undefined;
    vi.restoreAllMocks();
  });

  const serve: Serve = async (sessions, suite) => {
    const { middleware, session } = h3Sessions(sessions, { onStreamError: suite.onError });
    global.holdfastSuite = {
      middleware,
      async answer(event) {
        return responseOf(await suite.handle(appRequest(event.req as Request), session(event)));
      },
      onError: ({ cause }) => responseOf(suite.onError(cause)),
    };
    const { port, close } = await listen(createServer(handle));
    return { url: `http://127.0.0.1:${port}`, close };
  };
  for (const { name, run } of adapterCases(serve)) test(name, run);
}
