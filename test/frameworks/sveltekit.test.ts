import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import { getRequestListener } from "@hono/node-server";
import { createSessions, type Sessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { svelteKitSessions } from "holdfast/sveltekit";
import { adapterCases, type Serve } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { listen, tls } from "../http/listen.ts";
import { appRequest, responseOf } from "./fetch.ts";
import type { Make } from "./node.ts";
import { failingStore } from "./stores.ts";
import { type Data, type Event, type Handle, Redirect, respondBy } from "./sveltekit.ts";

const serveKit =
  (make: Make, scheme: "http" | "https"): Serve =>
  async (sessions, app) => {
    const answer = (error: unknown): Response => responseOf(app.onError(error));
    const respond = respondBy(
      svelteKitSessions(sessions, { onError: answer }),
      async ({ request, locals }) => responseOf(await app.handle(appRequest(request), locals.session)),
      answer,
    );
    const listener = getRequestListener((request) => respond(request), { overrideGlobalObjects: false });
    const { port, close } = await listen(make(listener));
    return { url: `${scheme}://127.0.0.1:${port}`, close };
  };

describe.each([
  ["http", serveKit(createServer, "http")],
  ["https", serveKit((listener) => createSecure(tls, listener), "https")],
])("svelteKitSessions by %s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

describe("svelteKitSessions", () => {
  let sessions: Sessions<Data>;
  const handleError = vi.fn((_error: unknown) => new Response("error page", { status: 500 }));
  const url = "http://shop.test/";
  const ok = async (): Promise<Response> => new Response("ok");
  const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]!.split(";")[0]!;
  const dataOf = async (response: Response): Promise<unknown> => {
    const head = { encrypted: false, header: (name: string) => (name === "cookie" ? cookieOf(response) : undefined) };
    return { ...(await sessions.open(head)).session.data };
  };

  beforeEach(() => {
    sessions = createSessions<Data>({ store: memoryStore() });
    handleError.mockClear();
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(async () => {
    await sessions.close();
    vi.restoreAllMocks();
  });

  /** As `sequence` does. */
  const inSequence =
    (handle: Handle, next: Handle): Handle =>
    ({ event, resolve }) =>
      handle({ event, resolve: (event) => next({ event, resolve }) });

  it("shares the session with the requests that the server makes to itself", async () => {
    const respond = respondBy(
      svelteKitSessions(sessions),
      async (event: Event) => {
        const { session } = event.locals;
        if (event.isSubRequest) {
          session.data.inner = session.data.outer;
          return new Response(null);
        }
        session.data.outer = 1;
        const inner = await event.fetch("/api");
        expect(inner.headers.getSetCookie()).toEqual([]);
        return new Response("page");
      },
      handleError,
    );
    const response = await respond(new Request(url));
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await dataOf(response)).toEqual({ outer: 1, inner: 1 });
  });

  it("shows a request without credentials nobody's session", async () => {
    let seen: unknown;
    const respond = respondBy(
      svelteKitSessions(sessions),
      async (event) => {
        if (event.isSubRequest) seen = { ...event.locals.session.data };
        else {
          event.locals.session.data.outer = 1;
          await event.fetch("/api", { credentials: "omit" });
        }
        return new Response("page");
      },
      handleError,
    );
    await respond(new Request(url));
    expect(seen).toEqual({});
  });

  it("saves what a later hook changed before it redirects", async () => {
    const guard: Handle = async ({ event }) => {
      event.locals.session.flash("notice", "Log in first.");
      throw new Redirect(303, "/login");
    };
    const respond = respondBy(inSequence(svelteKitSessions(sessions), guard), ok, handleError);
    const response = await respond(new Request(url));
    expect([response.status, response.headers.get("location")]).toEqual([303, "/login"]);
    expect(Object.values((await dataOf(response)) as object)).toEqual([]);
    const head = { encrypted: false, header: (name: string) => (name === "cookie" ? cookieOf(response) : undefined) };
    expect((await sessions.open(head)).session.flash("notice")).toEqual(["Log in first."]);
    expect(response.headers.getSetCookie()[0]).toMatch(/^sid=[\w.-]+; path=\/; httponly; samesite=lax$/i);
  });

  it("redirects itself where event.cookies is closed", async () => {
    const late: Handle = async ({ event, resolve }) => {
      await resolve(event);
      event.locals.session.data.late = 1;
      throw new Redirect(303, "/late");
    };
    const respond = respondBy(inSequence(svelteKitSessions(sessions), late), ok, handleError);
    const response = await respond(new Request(url));
    expect([response.status, response.headers.get("location")]).toEqual([303, "/late"]);
    expect(await dataOf(response)).toEqual({ late: 1 });
  });

  it("keeps its cookie in a redirect that SvelteKit's client is told of", async () => {
    const guard: Handle = async ({ event }) => {
      await event.locals.session.login("ada");
      return new Response(null, { status: 303, headers: { location: "/in" } });
    };
    const respond = respondBy(inSequence(svelteKitSessions(sessions), guard), ok, handleError);
    const response = await respond(new Request(`${url}__data.json`));
    expect(await response.json()).toEqual({ type: "redirect", status: 303, location: "/in" });
    expect([response.status, response.headers.get("location")]).toEqual([200, null]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("tells of a header session's new id though the client has the page already", async () => {
    const bearers = createSessions<Data>({ store: memoryStore(), transport: "bearer" });
    const route = async ({ locals, request }: Event): Promise<Response> => {
      if (request.url.endsWith("/login")) await locals.session.login("ada");
      return new Response("page", { headers: { etag: '"1"' } });
    };
    const respond = respondBy(svelteKitSessions(bearers), route, handleError);
    const headers = { "if-none-match": '"1"' };
    expect((await respond(new Request(url, { headers }))).status).toBe(304);
    const response = await respond(new Request(`${url}login`, { headers }));
    expect([response.status, response.headers.has("session-id"), await response.text()]).toEqual([200, true, "page"]);
    await bearers.close();
  });

  it("leaves what fails to SvelteKit, and its later hooks' errors too", async () => {
    const down = createSessions<Data>({ store: failingStore("create") });
    const change = async ({ locals }: Event): Promise<Response> => {
      locals.session.data.n = 1;
      return new Response("well");
    };
    const response = await respondBy(svelteKitSessions(down), change, handleError)(new Request(url));
    expect([response.status, await response.text()]).toEqual([500, "error page"]);
    expect(handleError).toHaveBeenLastCalledWith(expect.objectContaining({ code: "store-failed" }));
    await down.close();

    const broken: Handle = async ({ event }) => {
      event.locals.session.data.n = 1;
      throw new Error("broken hook");
    };
    const failed = await respondBy(inSequence(svelteKitSessions(sessions), broken), ok, handleError)(new Request(url));
    expect([failed.status, failed.headers.getSetCookie()]).toEqual([500, []]);
    expect(handleError).toHaveBeenLastCalledWith(expect.objectContaining({ message: "broken hook" }));
  });

  it("tells of a login that was saved before the failure", async () => {
    const route = async ({ locals }: Event): Promise<Response> => {
      await locals.session.login("ada");
      locals.session.data.n = 10n;
      return new Response("well");
    };
    const response = await respondBy(svelteKitSessions(sessions), route, handleError)(new Request(url));
    expect([response.status, response.headers.getSetCookie().length]).toEqual([500, 1]);
    expect(await response.text()).not.toContain("well");
  });

  it("gives prerendered pages nobody's session, which they can't change", async () => {
    const route = async ({ locals: { session }, request }: Event): Promise<Response> => {
      if (request.url.endsWith("/change")) session.data.n = 1;
      return new Response(session.userId ?? "nobody");
    };
    const respond = respondBy(svelteKitSessions(sessions, { building: true }), route, handleError);
    expect(await (await respond(new Request(url))).text()).toBe("nobody");
    expect((await respond(new Request(`${url}change`))).status).toBe(500);
    expect(handleError).toHaveBeenLastCalledWith(expect.objectContaining({ code: "headers-sent" }));
  });

  it("opens one session, though it is there twice", async () => {
    const route = async ({ locals }: Event): Promise<Response> => {
      locals.session.data.n = 1;
      return new Response("ok");
    };
    const twice = inSequence(svelteKitSessions(sessions), svelteKitSessions(sessions));
    const response = await respondBy(twice, route, handleError)(new Request(url));
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });
});
