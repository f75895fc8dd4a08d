import { adapterCases, type Serve } from "holdfast/testing";
import { handlerOf } from "../../frameworks/fetch.ts";
import type { Groups } from "../groups.ts";
import { withNodeModules } from "../process.ts";
import { serveNodeHttp } from "../serve/node.ts";

declare const Deno: {
  serve(
    options: { port: number; hostname: string; signal: AbortSignal; onListen: () => void },
    handler: (request: Request) => Promise<Response>,
  ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
};

const serve: Serve = async (sessions, app) => {
  const stop = new AbortController();
  const options = { port: 0, hostname: "127.0.0.1", signal: stop.signal, onListen: () => {} };
  const server = Deno.serve(options, handlerOf(sessions, app));
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    close: async () => {
      stop.abort();
      await server.finished;
    },
  };
};

export const groups: Groups = {
  ...withNodeModules,
  "fetchSessions on Deno.serve": adapterCases(serve),
  "nodeSessions on Deno's node:http": adapterCases(serveNodeHttp),
};
