/** Sessions in Koa 3: a counter, a login and a logout. */
import { text } from "node:stream/consumers";
import { createSessions } from "holdfast";
import { type KoaSessionContext, koaSessions } from "holdfast/koa";
import { sqliteStore } from "holdfast/stores/sqlite";
import Koa from "koa";

interface Data {
  views: number;
}

const sessions = createSessions<Data>({ store: sqliteStore("sessions.db") });

const app = new Koa<Koa.DefaultState, KoaSessionContext<Data>>();
app.use(koaSessions(sessions));

app.use(async (ctx) => {
  const { session } = ctx;
  switch (`${ctx.method} ${ctx.path}`) {
    case "GET /": {
      const { userId } = session;
      const views = await session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
      ctx.body = `<!doctype html><title>Koa</title>
        <p>Hello ${escapeHtml(userId ?? "stranger")}: ${views} views.</p>
        ${userId === undefined ? '<form method="post" action="/login"><input name="user" required><button>Log in</button></form>' : ""}
        <form method="post" action="/logout"><button>Log out</button></form>`;
      break;
    }
    case "POST /login": {
      const form = new URLSearchParams(await text(ctx.req));
      await session.login(form.get("user") ?? ""); // once you have checked the password
      ctx.redirect("/");
      ctx.status = 303;
      break;
    }
    case "POST /logout":
      ctx.session = null; // or: await session.destroy()
      ctx.redirect("/");
      ctx.status = 303;
  }
});

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const { PORT = "3000" } = process.env;
app.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`));
