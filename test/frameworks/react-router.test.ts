import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import { getRequestListener } from "@hono/node-server";
import { createSessions } from "holdfast";
import {
  type ReactRouterSessionStorageOptions,
  reactRouterSessionStorage,
  reactRouterSessions,
} from "holdfast/react-router";
import { memoryStore } from "holdfast/stores/memory";
import { adapterCases, type Serve } from "holdfast/testing";
import { createRequestHandler, createSession, data, isSession, type LoaderFunctionArgs, redirect } from "react-router";
import { afterEach, describe, expect, it, test, vi } from "vitest";
import { listen, tls } from "../http/listen.ts";
import type { Make } from "./node.ts";
import { buildOf, type Document, noPages, pagesOf, resourcesOf } from "./react-router.ts";

type HandlerOf = (...args: Parameters<Serve>) => (request: Request) => Promise<Response>;

const serve =
  (handlerOf: HandlerOf, make: Make, scheme: "http" | "https"): Serve =>
  async (sessions, app) => {
    const listener = getRequestListener(handlerOf(sessions, app), { overrideGlobalObjects: false });
    const { port, close } = await listen(make(listener));
    return { url: `${scheme}://127.0.0.1:${port}`, close };
  };

/** Where there is no `onError`, what breaks a body off is logged. */
const pages: HandlerOf = (sessions, app) => {
  vi.spyOn(console, "error").mockImplementation((error) => void app.onError(error));
  return pagesOf(sessions, app);
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each([
  ["resource routes by http", serve(resourcesOf, createServer, "http")],
  ["resource routes by https", serve(resourcesOf, (listener) => createSecure(tls, listener), "https")],
  ["pages", serve(pages, createServer, "http")],
])("reactRouterSessions on %s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

describe("reactRouterSessions", () => {
  const url = "http://shop.test/page";

  it("opens one session, though its middleware is there twice", async () => {
    const store = memoryStore();
    const create = vi.spyOn(store, "create");
    const sessions = createSessions<Data>({ store });
    const { middleware, sessionContext } = reactRouterSessions(sessions);
    const loader = ({ context }: LoaderFunctionArgs): Response => {
      context.get(sessionContext).data.views = 1;
      return new Response("ok");
    };
    const handler = createRequestHandler(buildOf([...middleware, ...middleware], { "*": { loader } }, noPages), "test");
    expect((await handler(new Request(url))).headers.getSetCookie()).toHaveLength(1);
    expect(create).toHaveBeenCalledTimes(1);
    await sessions.close();
  });
});

interface Data {
  userId: string;
  views: number;
  cart: string[];
}

describe("reactRouterSessionStorage", () => {
  const idOf = (setCookie: string): string => setCookie.split(";")[0]!;
  const start = (options: ReactRouterSessionStorageOptions<Data> = {}) => {
    const sessions = createSessions<Data>({ store: memoryStore() });
    return { sessions, ...reactRouterSessionStorage<Data, { error: string }>(sessions, options) };
  };

  it("runs the login of React Router's docs, through its request handler", async () => {
    const { sessions, getSession, commitSession, destroySession } = start({ user: "userId" });
    const cookieOf = ({ request }: LoaderFunctionArgs): string | null => request.headers.get("Cookie");
    const page = () => null;
    const routes = {
      login: {
        async loader(args: LoaderFunctionArgs) {
          const session = await getSession(cookieOf(args));
          if (session.has("userId")) return redirect("/");
          return data({ error: session.get("error") }, { headers: { "Set-Cookie": await commitSession(session) } });
        },
        async action(args: LoaderFunctionArgs) {
          const session = await getSession(cookieOf(args));
          const form = await args.request.formData();
          if (form.get("password") !== "tea") session.flash("error", "Invalid username/password");
          else session.set("userId", "ada");
          const to = session.has("userId") ? "/" : "/login";
          return redirect(to, { headers: { "Set-Cookie": await commitSession(session) } });
        },
        default: page,
      },
      logout: {
        async action(args: LoaderFunctionArgs) {
          const session = await getSession(cookieOf(args));
          return redirect("/login", { headers: { "Set-Cookie": await destroySession(session) } });
        },
        default: page,
      },
    };
    const document = ((...[, status, headers, { staticHandlerContext }]: Parameters<Document>) =>
      Response.json(staticHandlerContext.loaderData.login, { status, headers })) as Document;
    const loaderHeaders = ({ loaderHeaders }: { loaderHeaders: Headers }): Headers => loaderHeaders;
    const build = buildOf([], { ...routes, login: { ...routes.login, headers: loaderHeaders } }, document);
    const handler = createRequestHandler(build, "development");
    const ask = (path: string, cookie: string, password?: string): Promise<Response> =>
      handler(
        new Request(`http://shop.test${path}`, {
          headers: { cookie },
          ...(password === undefined ? {} : { method: "POST", body: new URLSearchParams({ password }) }),
        }),
      );

    const refused = await ask("/login", "", "coffee");
    expect([refused.status, refused.headers.get("location")]).toEqual([302, "/login"]);
    const before = idOf(refused.headers.getSetCookie()[0]!);
    expect(await (await ask("/login", before)).json()).toEqual({ error: "Invalid username/password" });
    expect(await (await ask("/login", before)).json()).toEqual({});

    const accepted = await ask("/login", before, "tea");
    const after = idOf(accepted.headers.getSetCookie()[0]!);
    expect(accepted.headers.get("location")).toBe("/");
    expect((await getSession(after)).userId).toBe("ada");
    expect((await getSession(before)).has("userId"), "the id from before the login").toBe(false);

    const left = await ask("/logout", after, "");
    expect(left.headers.getSetCookie()[0]).toContain("Max-Age=0");
    expect((await getSession(after)).data).toEqual({});
    await sessions.close();
  });

  it("keeps the secret out of what a page may see", async () => {
    const { sessions, getSession, commitSession } = start();
    const session = await getSession(null);
    expect([session.id, isSession(session)]).toEqual(["", true]);
    session.set("views", 1);
    const cookie = idOf(await commitSession(session));
    const again = await getSession(cookie);
    expect(cookie).toMatch(new RegExp(`^__Host-sid=${again.id}\\.`));
    expect(JSON.stringify(again)).not.toContain(cookie.split(".")[1]);
    await sessions.close();
  });

  it("merges what overlapping requests commit, and answers no cookie where it stays", async () => {
    const { sessions, getSession, commitSession } = start({ secure: false });
    const first = await getSession(undefined);
    first.set("views", 1);
    const cookie = idOf(await commitSession(first));
    expect(cookie).toMatch(/^sid=/);
    const [one, two] = await Promise.all([getSession(cookie), getSession(cookie)]);
    one.set("userId", "ada");
    two.set("cart", ["tea"]);
    two.unset("views");
    expect(await Promise.all([commitSession(one), commitSession(two)])).toEqual(["", ""]);
    expect((await getSession(cookie)).data).toEqual({ userId: "ada", cart: ["tea"] });
    await sessions.close();
  });

  it("brings no session back that a logout ended meanwhile", async () => {
    const { sessions, getSession, commitSession, destroySession } = start();
    const first = await getSession();
    first.set("views", 1);
    const cookie = idOf(await commitSession(first));
    const slow = await getSession(cookie);
    await destroySession(await getSession(cookie));
    slow.set("views", 2);
    await expect(commitSession(slow)).rejects.toMatchObject({ code: "session-gone" });
    await sessions.close();
  });

  it("lets another user into no one's data", async () => {
    const { sessions, getSession, commitSession } = start({ user: "userId" });
    const first = await getSession();
    first.set("cart", ["tea"]);
    first.set("userId", "ada");
    const cookie = idOf(await commitSession(first));
    const next = await getSession(cookie);
    next.set("userId", "ben");
    const another = await getSession(idOf(await commitSession(next)));
    expect([another.userId, another.data]).toEqual(["ben", { userId: "ben" }]);
    expect((await getSession(cookie)).data).toEqual({});
    await sessions.close();
  });

  it("refuses a session of another storage", async () => {
    const { sessions, commitSession } = start();
    await expect(commitSession(createSession<Data, { error: string }>())).rejects.toMatchObject({
      code: "argument-invalid",
    });
    await sessions.close();
  });
});
