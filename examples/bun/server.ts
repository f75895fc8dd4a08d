/** Sessions in Bun: a counter, a login and a logout. */
import { createSessions } from "holdfast";
import { fetchSessions } from "holdfast/fetch";
import { sqliteStore } from "holdfast/stores/sqlite";

interface Data {
  views: number;
}

const sessions = createSessions<Data>({ store: sqliteStore("sessions.db") });

const handler = fetchSessions(sessions, async (request, session) => {
  const home = () => new Response(null, { status: 303, headers: { location: "/" } });
  switch (`${request.method} ${new URL(request.url).pathname}`) {
    case "GET /": {
      const { userId } = session;
      const views = await session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
      const html = `<!doctype html><title>Bun</title>
        <p>Hello ${escapeHtml(userId ?? "stranger")}: ${views} views.</p>
        ${userId === undefined ? '<form method="post" action="/login"><input name="user" required><button>Log in</button></form>' : ""}
        <form method="post" action="/logout"><button>Log out</button></form>`;
      return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
    }
    case "POST /login": {
      const user = (await request.formData()).get("user");
      await session.login(String(user)); // once you have checked the password
      return home();
    }
    case "POST /logout":
      await session.destroy();
      return home();
  }
  return new Response("There is no such page.", { status: 404 });
});

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Bun serves what its first file exports. */
export default { port: Number(process.env.PORT ?? 3000), fetch: (request: Request) => handler(request) };
