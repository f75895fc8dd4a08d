import express, { type RequestHandler } from "express";
import { describe, expect, it } from "vitest";
import { type Browser, browser } from "../browser.ts";
import { type Library, libraries, sessionOf } from "../libraries.ts";
import { connect, serveSockets, type Transport } from "./sockets.ts";

declare module "express-session" {
  interface SessionData {
    messages?: number;
  }
}

/** A chat as socket.io's guide has it: one session for pages and sockets, which count what is said. */
async function chat(session: Library, saveUninitialized = false): Promise<Browser> {
  const shared: RequestHandler = session({ secret: "the app's own", resave: false, saveUninitialized });
  const app = express();
  app.use(shared);
  app.get("/", (request, response) => {
    response.json(sessionOf(request).messages ?? 0);
  });
  app.post("/", (request, response) => {
    sessionOf(request).messages = 1;
    response.end();
  });
  app.post("/logout", (request, response, next) => {
    sessionOf(request).destroy((error) => (error ? next(error) : response.end()));
  });

  const { io, origin } = await serveSockets(app);
  io.engine.use(shared);
  io.on("connection", (socket) => {
    socket.on("say", (answer: (messages: number | undefined) => void) => {
      sessionOf(socket.request).reload((error) => {
        if (error) return socket.disconnect();
        const session = sessionOf(socket.request);
        session.messages = (session.messages ?? 0) + 1;
        session.save(() => answer(session.messages));
      });
    });
  });
  return browser(origin);
}

describe.each(libraries)("socket.io with %s", (_, session) => {
  it.each<Transport>(["polling", "websocket"])("shares the session with a %s socket", async (transport) => {
    const visitor = await chat(session);
    await visitor.post("/");
    const socket = await connect(visitor, transport);
    expect(await socket.emitWithAck("say")).toBe(2);
    expect(await (await visitor.get("/")).json()).toBe(2);

    await visitor.post("/");
    expect(await socket.emitWithAck("say")).toBe(2);
  });

  it("hangs up on a socket whose session a page has ended", async () => {
    const visitor = await chat(session);
    await visitor.post("/");
    const socket = await connect(visitor, "websocket");
    const closed = new Promise((resolve) => socket.once("disconnect", resolve));
    await visitor.post("/logout");
    socket.emit("say");
    expect(await closed).toBe("io server disconnect");
  });

  it("gives the cookie to a visitor whose first request is a handshake", async () => {
    const visitor = await chat(session, true);
    await visitor.get("/socket.io/?EIO=4&transport=polling");
    expect(visitor.cookies.has("connect.sid")).toBe(true);
  });
});
