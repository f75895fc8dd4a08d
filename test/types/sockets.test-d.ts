/** What handlers of sockets see of the session's type. Checked by `npm run typecheck`. */
import { createServer } from "node:http";
import { createSessions, type Session } from "holdfast";
import { socketIoSessions } from "holdfast/socket.io";
import { memoryStore } from "holdfast/stores/memory";
import { wsSessions } from "holdfast/ws";
import { Server } from "socket.io";
import { WebSocket, WebSocketServer } from "ws";
import { same } from "./same.ts";

interface Data {
  cart: string[];
  views: number;
}

const sessions = createSessions<Data>({ store: memoryStore() });
const server = createServer();

const wss = new WebSocketServer({ noServer: true });
const sockets = wsSessions(sessions, wss, { checkEvery: "10s", allowOrigins: ["https://app.example.com"] });
server.on("upgrade", sockets.upgrade);
wss.on("connection", async (socket) => {
  const session = sockets.of(socket);
  same<typeof session.handshake, Session<Data>>(true);
  const views = await session.use((now) => now.update("views", (n = 0) => n + 1));
  same<typeof views, number>(true);
  same<ReturnType<typeof session.use<string>>, Promise<string>>(true);
  // @ts-expect-error no such entry
  session.handshake.data.cuont;
  // @ts-expect-error no socket
  sockets.of(wss.options);
});
// @ts-expect-error a unit that there is not
wsSessions(sessions, wss, { checkEvery: "10 minutes" });

/** A class of the app's own. */
class Player extends WebSocket {
  name = "";
}
const game = new WebSocketServer({ noServer: true, WebSocket: Player });
const players = wsSessions(sessions, game);
game.on("connection", (player) => same<typeof player, Player>(true) ?? players.of(player).handshake.data.cart);

const ioSockets = socketIoSessions(sessions);
interface Listens {
  add(item: string, done: (count: number) => void): void;
}
interface Emits {
  news(text: string): void;
}
for (const io of [
  new Server<Listens, Emits, Record<string, never>, { since: number }>(server, {
    allowRequest: ioSockets.allowRequest,
  }),
]) {
  io.use(ioSockets.middleware);
  io.of("/chat").use(ioSockets.middleware);
  io.on("connection", (socket) => {
    const session = ioSockets.of(socket);
    same<typeof session.handshake.data, Partial<Data>>(true);
    socket.on("add", async (item, done) => {
      done(
        await session.use(({ data }) => {
          data.cart = [...(data.cart ?? []), item];
          return data.cart.length;
        }),
      );
    });
  });
}
const plain = new Server(server);
plain.use(ioSockets.middleware);
plain.on("connection", (socket) => ioSockets.of(socket).use(({ data }) => data.views));
