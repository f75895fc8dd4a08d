import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import { getRequestListener } from "@hono/node-server";
import { adapterCases, type Serve } from "holdfast/testing";
import { afterEach, describe, test, vi } from "vitest";
import { listen, tls } from "../http/listen.ts";
import type { Make } from "./node.ts";
import { pagesOf, resourcesOf } from "./react-router.ts";

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
