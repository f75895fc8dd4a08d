/** Sessions in Fastify 5: a counter, a login and a logout. */
import fastify from "fastify";
import { createSessions } from "holdfast";
import { fastifySessions } from "holdfast/fastify";
import { sqliteStore } from "holdfast/stores/sqlite";

declare module "holdfast" {
  interface SessionData {
    views: number;
  }
}

const sessions = createSessions({ store: sqliteStore("sessions.db") });

const app = fastify({ logger: { level: "warn" } });
app.register(fastifySessions(sessions));
app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
  done(null, Object.fromEntries(new URLSearchParams(String(body)))),
);
app.addHook("onClose", () => sessions.close());

app.get("/", async (request, reply) => {
  const { userId } = request.session;
  const views = await request.session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
  return reply.type("text/html").send(`<!doctype html><title>Fastify</title>
    <p>Hello ${escapeHtml(userId ?? "stranger")}: ${views} views.</p>
    ${userId === undefined ? '<form method="post" action="/login"><input name="user" required><button>Log in</button></form>' : ""}
    <form method="post" action="/logout"><button>Log out</button></form>`);
});

app.post<{ Body: { user?: string } }>("/login", async (request, reply) => {
  await request.session.login(request.body?.user ?? ""); // once you have checked the password
  return reply.redirect("/", 303);
});

app.post("/logout", async (request, reply) => {
  await request.session.destroy();
  return reply.redirect("/", 303);
});

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
