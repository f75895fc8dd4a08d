import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecure } from "node:https";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createSessions, type Session } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { adapterCases, type SentReply, type Serve } from "holdfast/testing";
import { afterAll, beforeAll, describe, expect, it, test, vi } from "vitest";
import { type SvelteKitHandle, svelteKitSessions } from "../../../src/frameworks/sveltekit.ts";
import { appRequest, responseOf } from "../../frameworks/fetch.ts";
import { listen, tls } from "../../http/listen.ts";
import type { App } from "./app.ts";
import { Visitor } from "./visitor.ts";

type Data = Record<string, unknown>;

/** As `sveltekit/src/suite.server.ts` has it. */
interface Suite {
  readonly handle: SvelteKitHandle<Data>;
  handleError(error: unknown): { status: number; message: string };
  answer(event: { request: Request; locals: { session: Session<Data> } }): Promise<Response>;
}

const suites = new Map<string, Suite>();

export default function cases(app: () => App): void {
  const visitor = (): Visitor => new Visitor(app().url);

  it("saves beside fail() and error() of an action", async () => {
    const one = visitor();
    const failed = await one.send("loginAndFail", {}, "/forms");
    expect([failed.status, await failed.text()]).toEqual([400, expect.stringContaining("user: ada")]);
    expect((await one.send("addAndMiss", {}, "/forms")).status).toBe(404);
    expect(await one.page()).toEqual({ views: 10, user: "ada" });
  });

  it("saves before a load's redirect(), of a page and of its data alone", async () => {
    for (const path of ["/jump", "/jump/__data.json"]) {
      const one = visitor();
      expect(await locationOf(await one.request(path))).toBe("/");
      expect(await one.page()).toEqual({ views: 0, user: "ada" });
    }
  });

  it("saves before a later hook's redirect, of a page and of its data alone", async () => {
    for (const path of ["/gate", "/gate/__data.json"].flatMap((path) => [path, `${path}?response`, `${path}?late`])) {
      const one = visitor();
      expect([path, await locationOf(await one.request(path))]).toEqual([path, "/"]);
      expect(one.lastSetCookie).toMatch(/^sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/i);
      expect(await one.page()).toEqual({ views: 5, user: "guest" });
    }
  });

  it("shares the session with the requests of event.fetch", async () => {
    const one = visitor();
    const response = await one.request("/outer");
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await response.text()).toContain("inner: saw outer, b: inner");
    expect(await one.data()).toEqual({ views: 0, user: null, a: "outer", b: "inner" });
  });

  it("saves what a load's promise changes by update() while the page streams", async () => {
    const one = visitor();
    const response = await one.request("/late");
    expect(await one.data()).toEqual({ views: 0, user: null, a: "early" });
    await one.request("/late/go");
    expect(await response.text()).toContain("waiting");
    expect(await one.data()).toEqual({ views: 7, user: null, a: "early" });
  });

  it("answers no success where the store is down, by a page, its data nor a redirect", async () => {
    const responses = [
      await visitor().request("/broken?save"),
      await visitor().request("/broken/__data.json?save"),
      await visitor().send("save", {}, "/broken"),
      await visitor().send("saveAndLeave", {}, "/broken"),
    ];
    for (const { status, headers } of responses) {
      expect([status, headers.get("location"), headers.getSetCookie()]).toEqual([500, null, []]);
    }
    expect(app().log()).toContain("The session store failed to create");
  });

  /** The suite's apps in an endpoint, with SvelteKit in this process: the suite holds requests at its barriers. */
  let handler: RequestListener;
  beforeAll(async () => {
    // Read when the server is imported. The scheme isn't in X-Forwarded-Proto, with which cases try a proxy that nobody trusts.
    vi.stubEnv("PROTOCOL_HEADER", "x-scheme");
    vi.stubEnv("DATABASE", ":memory:");
    Object.assign(globalThis, { holdfastSuites: suites });
    ({ handler } = (await import(pathToFileURL(join(app().folder, "build/handler.js")).href)) as {
      handler: RequestListener;
    });
  });
  afterAll(() => void vi.unstubAllEnvs());

  const serve =
    (scheme: "http" | "https", make: (listener: RequestListener) => Server, ownErrors: boolean): Serve =>
    async (sessions, suite) => {
      const name = crypto.randomUUID();
      const onError = (error: unknown): Response => responseOf(suite.onError(error));
      suites.set(name, {
        handle: svelteKitSessions(sessions, ownErrors ? { onError } : {}),
        handleError(error) {
          const { status, body = "" }: SentReply = suite.onError(error);
          return { status, message: body };
        },
        async answer({ request, locals }) {
          const { path, ...rest } = appRequest(request);
          return responseOf(await suite.handle({ ...rest, path: path.slice("/suite".length) }, locals.session));
        },
      });
      // By default some errors are only told to the console: after a login, whose cookie no error page can carry, and in the middle of a stream.
      const written = vi.spyOn(console, "error").mockImplementation((error) => {
        if (!ownErrors) suite.onError(error);
      });
      const { port, close } = await listen(
        make((request, response) => {
          request.url = `/suite${request.url}`;
          Object.assign(request.headers, { "x-suite": name, "x-scheme": scheme });
          // Before any hook SvelteKit refuses what may be a form of another site: without a type, and an origin that isn't its own. So are most of the suite's.
          request.headers["content-type"] ??= "application/json";
          handler(request, response);
        }),
      );
      return {
        url: `${scheme}://127.0.0.1:${port}`,
        async close() {
          written.mockRestore();
          suites.delete(name);
          await close();
        },
      };
    };

  const byHttp = serve("http", createServer, false);

  it("tells of a header session's new id though the client has the page already", async () => {
    const sessions = createSessions<Data>({ store: memoryStore(), transport: "bearer", clearSiteData: true });
    const server = await byHttp(sessions, {
      async handle({ path }, session) {
        if (path === "/login") await (session as Session<Data>).login("ada");
        if (path === "/logout") await (session as Session<Data>).destroy();
        return { kind: "send", status: 200, headers: { etag: '"1"' }, body: "page" };
      },
      onError(error) {
        throw error;
      },
    });
    const ask = (path: string, id = ""): Promise<Response> =>
      fetch(server.url + path, { headers: { "if-none-match": '"1"', authorization: `Bearer ${id}` } });
    try {
      expect((await ask("/")).status).toBe(304);
      const id = (await ask("/login")).headers.get("session-id");
      expect(id).toMatch(/./);
      expect((await ask("/", id!)).status).toBe(304);
      const { headers } = await ask("/logout", id!);
      expect([headers.get("session-id"), headers.get("clear-site-data")]).toEqual(["", expect.any(String)]);
    } finally {
      await server.close();
      await sessions.close();
    }
  });

  describe.each([
    ["by SvelteKit's error page", "http", byHttp],
    ["by SvelteKit's error page", "https", serve("https", (listener) => createSecure(tls, listener), false)],
    ["by onError", "http", serve("http", createServer, true)],
  ] as const)("the suite, with errors answered %s, by %s", (_errors, _scheme, serve) => {
    for (const { name, run } of adapterCases(serve)) test(name, run);
  });
}

/** Where to, by a redirect or as SvelteKit's client is told. */
async function locationOf(response: Response): Promise<string | null> {
  if (!response.url.includes("__data.json")) return response.headers.get("location");
  const { location, ...rest } = (await response.json()) as { location: string };
  expect([response.status, response.headers.get("content-type"), rest]).toEqual([
    200,
    "application/json",
    { type: "redirect", status: 303 },
  ]);
  return location;
}
