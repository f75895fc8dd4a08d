import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import express, { type NextFunction, type Request, type Response } from "express";
import fastify, { type FastifyReply } from "fastify";
import type { Session } from "holdfast";
import { expressSessions } from "holdfast/express";
import { fastifySessions } from "holdfast/fastify";
import { fetchDeviceBinding } from "holdfast/fetch";
import { koaSessions } from "holdfast/koa";
import { nodeDeviceBinding, nodeSessions } from "holdfast/node";
import type { AppReply, Serve } from "holdfast/testing";
import Koa from "koa";
import { handlerOf } from "../../frameworks/fetch.ts";
import { answer, serveNode } from "../../frameworks/node.ts";
import { listen } from "../../http/listen.ts";

/** How holdfast is served by a framework. */
export interface Server {
  readonly serve: Serve;
  /** The same, for handlers that write to node:http's response themselves. */
  readonly serveRaw?: (...args: RawArgs) => ReturnType<Serve>;
}

type RawArgs = [
  sessions: Parameters<Serve>[0],
  handle: (session: Session<Record<string, unknown>>, response: ServerResponse) => void,
];

/** Where browsers bind a session to their device, in the apps of {@link Setup.deviceBound}. */
export const DEVICE = "/device";

export const byNode: Server = {
  serve(sessions, app) {
    const routed = (pages: RequestListener): RequestListener => {
      if (!sessions.bindDevice) return pages;
      const bindDevice = nodeDeviceBinding(sessions);
      return (request, response) => void (request.url === DEVICE ? bindDevice : pages)(request, response);
    };
    return serveNode((listener) => createServer(routed(listener)), "http")(sessions, app);
  },
  async serveRaw(sessions, handle) {
    const { port, close } = await listen(
      createServer(nodeSessions(sessions, ({ session }, response) => handle(session, response))),
    );
    return { url: `http://127.0.0.1:${port}`, close };
  },
};

export const byExpress: Server = {
  async serve(sessions, app) {
    const server = express().set("env", "test").use(expressSessions(sessions));
    if (sessions.bindDevice) server.post(DEVICE, nodeDeviceBinding(sessions));
    server.use((request: Request, response: Response, next: NextFunction) => {
      const { method, path, session } = request;
      const reply = app.handle({ method, path, body: request }, session);
      reply.then((each) => answer(response, each)).catch(next);
    });
    server.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
      const reply = app.onError(error);
      if (response.headersSent) next(error);
      else answer(response, reply);
    });
    const { port, close } = await listen(createServer(server));
    return { url: `http://127.0.0.1:${port}`, close };
  },
  async serveRaw(sessions, handle) {
    const server = express().use(expressSessions(sessions), (request: Request, response: Response) =>
      handle(request.session as unknown as Parameters<typeof handle>[0], response),
    );
    const { port, close } = await listen(createServer(server));
    return { url: `http://127.0.0.1:${port}`, close };
  },
};

/** Node has no server that speaks Request and Response; this is the bridge that Hono and others take. */
export const byFetch: Server = {
  async serve(sessions, app) {
    const pages = handlerOf(sessions, app);
    const bindDevice = sessions.bindDevice ? fetchDeviceBinding(sessions) : pages;
    const handler = (request: globalThis.Request) =>
      (new URL(request.url).pathname === DEVICE ? bindDevice : pages)(request);
    const listener = getRequestListener(handler, { overrideGlobalObjects: false });
    const { port, close } = await listen(createServer(listener));
    return { url: `http://127.0.0.1:${port}`, close };
  },
};

export const byFastify: Server = {
  async serve(sessions, app) {
    const server = fastify({ forceCloseConnections: true });
    const send = (reply: FastifyReply, answer: AppReply): FastifyReply => {
      if (answer.kind === "redirect") return reply.redirect(answer.location);
      if (answer.kind === "stream") return reply.headers(answer.headers).send(Readable.from(answer.chunks));
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    };
    server.removeAllContentTypeParsers();
    server.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    server.register(fastifySessions(sessions));
    server.setErrorHandler((error, _request, reply) => send(reply, app.onError(error)));
    if (sessions.bindDevice) {
      const bindDevice = nodeDeviceBinding(sessions);
      server.post(DEVICE, (request, reply) => {
        reply.hijack();
        return bindDevice(request.raw, reply.raw);
      });
    }
    server.all("/*", async (request, reply) => {
      const { method, url: path, session, raw } = request;
      return send(reply, await app.handle({ method, path, body: raw }, session));
    });
    const url = await server.listen({ port: 0, host: "127.0.0.1" });
    return { url, close: async () => void (await server.close()) };
  },
};

export const byKoa: Server = {
  async serve(sessions, app) {
    const server = new Koa();
    const send = (ctx: Koa.Context, answer: AppReply): void => {
      if (answer.kind === "redirect") ctx.redirect(answer.location);
      else {
        ctx.body = answer.kind === "stream" ? Readable.from(answer.chunks) : (answer.body ?? null);
        if (answer.kind === "send") ctx.status = answer.status;
        ctx.set(answer.headers as Record<string, string | string[]>);
      }
    };
    server.use((ctx, next) => next().catch((error: unknown) => send(ctx, app.onError(error))));
    if (sessions.bindDevice) {
      const bindDevice = nodeDeviceBinding(sessions);
      server.use((ctx, next) => {
        if (ctx.path !== DEVICE) return next();
        ctx.respond = false;
        return bindDevice(ctx.req, ctx.res);
      });
    }
    server.use(koaSessions(sessions));
    server.use(async (ctx) => {
      const { method, path, session, req } = ctx;
      send(ctx, await app.handle({ method, path, body: req }, session));
    });
    const { port, close } = await listen(createServer(server.callback()));
    return { url: `http://127.0.0.1:${port}`, close };
  },
};
