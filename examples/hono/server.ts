/** Sessions in Hono 4: a counter, a login and a logout. */
import { serve } from "@hono/node-server";
import { createSessions, isHoldfastError } from "holdfast";
import { honoSessions } from "holdfast/hono";
import { sqliteStore } from "holdfast/stores/sqlite";
import { Hono } from "hono";
import { html } from "hono/html";

interface Data {
  views: number;
}

const sessions = createSessions<Data>({ store: sqliteStore("sessions.db") });

const app = new Hono()
  .use(honoSessions(sessions))
  .get("/", async (c) => {
    const { session } = c.var;
    const { userId } = session;
    const views = await session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
    return c.html(html`<!doctype html><title>Hono</title>
      <p>Hello ${userId ?? "stranger"}: ${views} views.</p>
      ${userId === undefined && html`<form method="post" action="/login"><input name="user" required><button>Log in</button></form>`}
      <form method="post" action="/logout"><button>Log out</button></form>`);
  })
  .post("/login", async (c) => {
    const { user } = await c.req.parseBody();
    await c.var.session.login(String(user)); // once you have checked the password
    return c.redirect("/", 303);
  })
  .post("/logout", async (c) => {
    await c.var.session.destroy();
    return c.redirect("/", 303);
  });

app.onError((error, c) => {
  console.error(error);
  // 503 where the store is down, 409 where a logout overtook the request.
  return c.text("Please try again.", isHoldfastError(error) ? (error.status as 503) : 500);
});

const { PORT = "3000" } = process.env;
serve({ fetch: app.fetch, port: Number(PORT) }, () => console.log(`http://localhost:${PORT}`));
