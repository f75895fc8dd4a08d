import { adapterCases, type Serve } from "holdfast/testing";
import { handlerOf } from "../../frameworks/fetch.ts";
import type { Groups } from "../groups.ts";
import { withNodeModules } from "../process.ts";
import { serveNodeHttp } from "../serve/node.ts";

declare const Bun: {
  serve(options: { port: number; hostname: string; fetch: (request: Request) => Promise<Response> }): {
    readonly port: number;
    stop(closeActive: boolean): Promise<void>;
  };
};

const serve: Serve = async (sessions, app) => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handlerOf(sessions, app) });
  return { url: `http://127.0.0.1:${server.port}`, close: async () => void server.stop(true) };
};

export const groups: Groups = {
  ...withNodeModules,
  "fetchSessions on Bun.serve": adapterCases(serve),
  "nodeSessions on Bun's node:http": adapterCases(serveNodeHttp),
};
