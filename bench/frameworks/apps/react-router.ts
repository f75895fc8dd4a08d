import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createSessions } from "holdfast";
import { reactRouterSessionStorage } from "holdfast/react-router";
import { memoryStore } from "holdfast/stores/memory";
import { createCookieSessionStorage } from "react-router";
import { answerTo, DATA, type Data } from "../../cpu/data.ts";
import type { Apps } from "../apps.ts";

/** A resource route's work, without React Router's routing: loaders and actions call the storage as this does. */
async function serve(fetch: (request: Request) => Response | Promise<Response>): Promise<Server> {
  return createServer(getRequestListener(fetch));
}

const pathOf = ({ url }: Request): string => url.slice(url.indexOf("/", 8));

interface Storage {
  getSession(cookie: string | null): Promise<{
    get(name: "user" | "views"): unknown;
    set(name: keyof Data, value: never): void;
  }>;
  commitSession(session: never): Promise<string>;
}

/** As React Router's documents use a storage, whosever it is. */
function routes({ getSession, commitSession }: Storage): Promise<Server> {
  return serve(async (request) => {
    const session = await getSession(request.headers.get("Cookie"));
    const path = pathOf(request);
    if (path === "/read") return new Response(answerTo((session.get("user") as Data["user"] | undefined)?.name));
    const entries = path === "/write" ? { views: (session.get("views") as number) + 1 } : structuredClone(DATA);
    for (const [name, value] of Object.entries(entries)) session.set(name as keyof Data, value as never);
    const cookie = await commitSession(session as never);
    return new Response("ok", cookie ? { headers: { "Set-Cookie": cookie } } : undefined);
  });
}

const apps: Apps = {
  bare: () => serve((request) => new Response(pathOf(request) === "/begin" ? "ok" : answerTo(1))),

  holdfast: () =>
    routes(
      reactRouterSessionStorage(createSessions<Data>({ store: memoryStore() }), {
        secure: false,
      }) as unknown as Storage,
    ),

  "createCookieSessionStorage, in a signed cookie": () =>
    routes(
      createCookieSessionStorage<Data & Record<string, unknown>>({
        cookie: { name: "sid", secrets: ["tea and kettles"], httpOnly: true, path: "/", sameSite: "lax" },
      }) as unknown as Storage,
    ),
};
export default apps;
