import type { RequestListener, ServerResponse } from "node:http";
import type { createSecureServer, createServer } from "node:http2";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { nodeSessions } from "holdfast/node";
import type { AppReply, Serve, Speak } from "holdfast/testing";
import { listen } from "../http/server.ts";

/** Makes a server of any of Node's kinds. */
export type Make = (listener: RequestListener) => Parameters<typeof listen>[0];

/** The compatibility API of HTTP/2 takes listeners of HTTP/1. */
export const compatible = (listener: RequestListener) =>
  listener as unknown as Parameters<typeof createServer>[1] & Parameters<typeof createSecureServer>[1];

/** `nodeSessions` for the adapters' suite. */
export const serveNode =
  (make: Make, scheme: "http" | "https", speak?: Speak): Serve =>
  async (sessions, app) => {
    const listener = nodeSessions(
      sessions,
      async (request, response) => {
        const { method = "", url: path = "", session } = request;
        await answer(response, await app.handle({ method, path, body: request }, session));
      },
      {
        onError(error, _request, response) {
          const reply = app.onError(error);
          if (response.headersSent) response.destroy();
          else return answer(response, reply);
        },
      },
    );
    const { port, close } = await listen(make(listener));
    return { url: `${scheme}://127.0.0.1:${port}`, close, speak };
  };

/** Gives a reply by Node's own means. */
export async function answer(response: ServerResponse, reply: AppReply): Promise<void> {
  switch (reply.kind) {
    case "send":
      response.writeHead(reply.status, reply.headers).end(reply.body);
      break;
    case "redirect":
      response.writeHead(302, { location: reply.location }).end();
      break;
    case "stream":
      response.writeHead(200, reply.headers);
      await pipeline(Readable.from(reply.chunks), response);
  }
}
