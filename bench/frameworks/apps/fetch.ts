import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createSessions } from "holdfast";
import { fetchSessions } from "holdfast/fetch";
import { memoryStore } from "holdfast/stores/memory";
import { getIronSession } from "iron-session";
import { answerTo, DATA, type Data } from "../../cpu/data.ts";
import type { Apps } from "../apps.ts";

/** Node has no server of its own for the fetch standard. With the bridge's light stand-in for Response, iron-session's cookie gets lost. */
async function serve(fetch: (request: Request) => Response | Promise<Response>): Promise<Server> {
  return createServer(getRequestListener(fetch, { overrideGlobalObjects: false }));
}

function use(data: Data, path: string): string {
  switch (path) {
    case "/read":
      return answerTo(data.user.name);
    case "/write":
      return answerTo(++data.views);
    default:
      Object.assign(data, structuredClone(DATA));
      return "ok";
  }
}

const pathOf = ({ url }: Request): string => url.slice(url.indexOf("/", 8));

const apps: Apps = {
  bare: () => {
    const data = structuredClone(DATA);
    return serve((request) => new Response(use(data, pathOf(request))));
  },

  holdfast: () =>
    serve(
      fetchSessions(
        createSessions<Data>({ store: memoryStore() }),
        (request, session) => new Response(use(session.data as Data, pathOf(request))),
      ),
    ),

  "iron-session, in a sealed cookie": () => {
    const options = {
      cookieName: "sid",
      password: "tea, a treatise on tea and kettles",
      cookieOptions: { secure: false },
    };
    return serve(async (request) => {
      const response = new Response("ok");
      const session = await getIronSession<Data>(request, response, options);
      const text = use(session as Data, pathOf(request));
      if (pathOf(request) !== "/read") await session.save();
      return text === "ok" ? response : new Response(text);
    });
  },
};
export default apps;
