import { createServer } from "node:http";
import type { Express } from "express";
import { Server } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { onTestFinished } from "vitest";
import { listening } from "../../http/listen.ts";
import type { Browser } from "../browser.ts";

/** The app with a socket.io beside it, served until the test ends. */
export async function serveSockets(app: Express): Promise<{ io: Server; origin: string }> {
  const server = createServer(app);
  const io = new Server(server);
  const origin = `http://127.0.0.1:${await listening(server)}`;
  onTestFinished(() => io.close());
  return { io, origin };
}

export type Transport = "polling" | "websocket";

/** A socket that the browser opens, connected. */
export async function connect({ origin, cookies }: Browser, transport: Transport): Promise<Socket> {
  const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
  const socket = io(origin, { transports: [transport], extraHeaders: { cookie }, forceNew: true, reconnection: false });
  onTestFinished(() => void socket.close());
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("connect_error", reject);
  });
  return socket;
}
