import { createRequire } from "node:module";
import express, { type RequestHandler } from "express";
import type { Socket } from "socket.io";
import { describe, expect, it, vi } from "vitest";
import { browser } from "../browser.ts";
import { libraries, sessionOf } from "../libraries.ts";
import { connect, serveSockets } from "./sockets.ts";

type Share = (
  session: RequestHandler,
  options: { autoSave: boolean },
) => Parameters<import("socket.io").Server["use"]>[0];
const shareSession: Share = createRequire(import.meta.url)("express-socket.io-session");

declare module "express-session" {
  interface SessionData {
    name?: string;
  }
}

describe.each(libraries)("express-socket.io-session with %s", (_, session) => {
  it("hands the page's session to a socket, and saves what the socket's events change", async () => {
    const shared: RequestHandler = session({ secret: "the app's own", resave: false, saveUninitialized: false });
    const app = express();
    app.use(shared);
    app.get("/", (request, response) => {
      response.json(sessionOf(request).name);
    });
    app.post("/", (request, response) => {
      sessionOf(request).name = "Ada";
      response.end();
    });
    const { io, origin } = await serveSockets(app);
    io.use(shareSession(shared, { autoSave: true }));
    io.on("connection", (socket: Socket) => {
      socket.on("rename", (name: string, answer: (before?: string) => void) => {
        const session = sessionOf(socket.handshake);
        answer(session.name);
        session.name = name;
      });
    });

    const ada = browser(origin);
    await ada.post("/");
    const socket = await connect(ada, "websocket");
    expect(await socket.emitWithAck("rename", "Countess")).toBe("Ada");
    // It saves after the event, and tells nobody when it has.
    await vi.waitFor(async () => expect(await (await ada.get("/")).json()).toBe("Countess"), 5000);
  });
});
