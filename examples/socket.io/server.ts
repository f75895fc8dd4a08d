/** Sessions in Socket.IO: a counter that pages and sockets share, and a logout that disconnects the sockets. */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createSessions } from "holdfast";
import { nodeSessions } from "holdfast/node";
import { socketIoSessions } from "holdfast/socket.io";
import { sqliteStore } from "holdfast/stores/sqlite";
import { Server } from "socket.io";

interface Data {
  views: number;
}

const sessions = createSessions<Data>({ store: sqliteStore("sessions.db") });

const server = createServer(
  nodeSessions(sessions, async (request, response) => {
    const { method, url, session } = request;
    if (method === "GET" && url === "/") {
      const views = await session.update("views", (n = 0) => n + 1);
      response.setHeader("Content-Type", "text/html; charset=utf-8").end(`<!doctype html><title>Socket.IO</title>
        <p>Hello ${escapeHtml(session.userId ?? "stranger")}: ${views} views.</p>
        <button onclick="socket.emit('more', show)">One more</button>
        <form method="post" action="/login"><input name="user" required><button>Log in</button></form>
        <form method="post" action="/logout"><button>Log out</button></form>
        <script src="/socket.io/socket.io.js"></script>
        <script>
          const show = (text) => { document.querySelector("p").textContent = text; };
          const socket = io();
          socket.on("disconnect", (why) => { if (why === "io server disconnect") location.reload(); }); // the session has ended
        </script>`);
      return;
    }
    if (method === "POST" && url === "/logout") await session.destroy(); // its sockets are disconnected
    if (method === "POST" && url === "/login") {
      await session.login(new URLSearchParams(await text(request)).get("user") ?? ""); // once you have checked the password
    }
    response.writeHead(303, { Location: "/" }).end();
  }),
);

const sockets = socketIoSessions(sessions);
const io = new Server(server, { allowRequest: sockets.allowRequest });
io.use(sockets.middleware);
io.on("connection", (socket) => {
  const session = sockets.of(socket);
  socket.on("more", (answer) => {
    session
      .use(async (now) => `Hello ${now.userId ?? "stranger"}: ${await now.update("views", (n = 0) => n + 1)} views.`)
      .then(
        (text) => answer(text),
        () => answer("Please try again."), // the store is down, say
      );
  });
});

const escapeHtml = (raw: string): string => raw.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const { PORT = "3000" } = process.env;
server.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`));
