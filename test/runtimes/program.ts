/** What Node, Bun and Deno are asked: the stores' kit, and the adapters' suite on the runtime's own server. Prints an outcome a line, as JSON. */
import { createServer } from "node:http";
import { memoryStore } from "holdfast/stores/memory";
import { sqliteStore } from "holdfast/stores/sqlite";
import { adapterCases, type Serve, storeCases } from "holdfast/testing";
import { handlerOf } from "../frameworks/fetch.ts";
import { serveNode } from "../frameworks/node.ts";
import { type Case, runAll, titled } from "./suite.ts";

type Handler = (request: Request) => Promise<Response>;

declare const Bun: {
  serve(options: { hostname: string; port: number; fetch: Handler }): {
    port: number;
    stop(now: boolean): Promise<void>;
  };
};
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen(): void },
    handler: Handler,
  ): { addr: { port: number }; shutdown(): Promise<void> };
};

const quiet = (): void => {};

/** The adapters' suite behind the server that the runtime has for Request and Response; Node has none. */
function servers(): Record<string, Serve> {
  const hostname = "127.0.0.1";
  const url = (port: number): string => `http://${hostname}:${port}`;
  const node: Record<string, Serve> = {
    "node:http": serveNode((listener) => createServer(listener), "http"),
  };
  if (typeof Bun === "object") {
    const serve: Serve = async (sessions, app) => {
      const server = Bun.serve({ hostname, port: 0, fetch: handlerOf(sessions, app) });
      return { url: url(server.port), close: () => server.stop(true) };
    };
    return { "Bun.serve": serve };
  }
  if (typeof Deno === "object") {
    const serve: Serve = async (sessions, app) => {
      const server = Deno.serve({ hostname, port: 0, onListen: quiet }, handlerOf(sessions, app));
      return { url: url(server.addr.port), close: () => server.shutdown() };
    };
    return { "Deno.serve": serve };
  }
  return node;
}

console.error = quiet;

const memory = memoryStore();
const sqlite = sqliteStore(":memory:");
const cases: Case[] = [
  ...titled(
    "memory store",
    storeCases(() => memory),
  ),
  ...titled(
    "SQLite store",
    storeCases(() => sqlite),
  ),
  ...Object.entries(servers()).flatMap(([name, serve]) => titled(name, adapterCases(serve))),
];
await runAll(cases, (outcome) => console.log(JSON.stringify(outcome)));
process.exit();
