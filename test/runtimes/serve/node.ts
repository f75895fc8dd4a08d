import { createServer } from "node:http";
import type { Serve } from "holdfast/testing";
import { serveNode } from "../../frameworks/node.ts";

/** `nodeSessions` on the runtime's own node:http. */
export const serveNodeHttp: Serve = serveNode((listener) => createServer(listener), "http");
