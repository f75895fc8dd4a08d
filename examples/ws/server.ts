/** Sessions in sockets of ws: a counter that pages and sockets share, and a logout that closes the sockets. */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createSessions } from "holdfast";
import { nodeSessions } from "holdfast/node";
import { sqliteStore } from "holdfast/stores/sqlite";
import { wsSessions } from "holdfast/ws";
import { WebSocketServer } from "ws";

interface Data {
  views: number;
}

const sessions = createSessions<Data>({ store: sqliteStore("sessions.db") });

const server = createServer(
  nodeSessions(sessions, async (request, response) => {
    const { method, url, session } = request;
    if (method === "GET" && url === "/") {
      const views = await session.update("views", (n = 0) => n + 1);
      response.setHeader("Content-Type", "text/html; charset=utf-8").end(`<!doctype html><title>ws</title>
        <p>Hello ${escapeHtml(session.userId ?? "stranger")}: ${views} views.</p>
        <button onclick="socket.send('more')">One more</button>
        <form method="post" action="/login"><input name="user" required><button>Log in</button></form>
        <form method="post" action="/logout"><button>Log out</button></form>
        <script>
          const socket = new WebSocket(location.href.replace("http", "ws"));
          socket.onmessage = ({ data }) => { document.querySelector("p").textContent = data; };
          socket.onclose = ({ code }) => { if (code === 4401) location.reload(); }; // the session has ended
        </script>`);
      return;
    }
    if (method === "POST" && url === "/logout") await session.destroy(); // its sockets close
    if (method === "POST" && url === "/login") {
      await session.login(new URLSearchParams(await text(request)).get("user") ?? ""); // once you have checked the password
    }
    response.writeHead(303, { Location: "/" }).end();
  }),
);

const wss = new WebSocketServer({ noServer: true });
const sockets = wsSessions(sessions, wss);
server.on("upgrade", sockets.upgrade);
wss.on("connection", (socket) => {
  const session = sockets.of(socket);
  socket.on("error", console.error);
  socket.on("message", () => {
    session
      .use(async (now) => `Hello ${now.userId ?? "stranger"}: ${await now.update("views", (n = 0) => n + 1)} views.`)
      .then(
        (answer) => socket.send(answer),
        () => socket.close(1011), // the store is down, say
      );
  });
});

const escapeHtml = (raw: string): string => raw.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const { PORT = "3000" } = process.env;
server.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`));
