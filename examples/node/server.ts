/** Sessions in plain node:http: a counter, a login and a logout. */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createSessions } from "holdfast";
import { nodeSessions } from "holdfast/node";
import { sqliteStore } from "holdfast/stores/sqlite";

interface Data {
  views: number;
}

const sessions = createSessions<Data>({ store: sqliteStore("sessions.db") });

const handler = nodeSessions(sessions, async (request, response) => {
  const { session } = request;
  switch (`${request.method} ${request.url}`) {
    case "GET /": {
      const { userId } = session;
      const views = await session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
      response.setHeader("Content-Type", "text/html");
      response.end(`<!doctype html><title>node:http</title>
        <p>Hello ${escapeHtml(userId ?? "stranger")}: ${views} views.</p>
        ${userId === undefined ? '<form method="post" action="/login"><input name="user" required><button>Log in</button></form>' : ""}
        <form method="post" action="/logout"><button>Log out</button></form>`);
      break;
    }
    case "POST /login": {
      const form = new URLSearchParams(await text(request));
      await session.login(form.get("user") ?? ""); // once you have checked the password
      response.writeHead(303, { location: "/" }).end();
      break;
    }
    case "POST /logout":
      await session.destroy();
      response.writeHead(303, { location: "/" }).end();
      break;
    default:
      response.writeHead(404).end();
  }
});

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const { PORT = "3000" } = process.env;
createServer(handler).listen(Number(PORT), () => console.log(`http://localhost:${PORT}`));
