/** Sessions in h3 2: a counter, a login and a logout. */
import { H3, html, raw, readBody, redirect } from "h3";
import { serve } from "h3/node";
import { createSessions } from "holdfast";
import { h3Sessions } from "holdfast/h3";
import { sqliteStore } from "holdfast/stores/sqlite";

interface Data {
  views: number;
}

const { middleware, session } = h3Sessions(createSessions<Data>({ store: sqliteStore("sessions.db") }));

const app = new H3();
app.use(middleware);

app.get("/", async (event) => {
  const { userId } = session(event);
  const views = await session(event).update("views", (n = 0) => n + 1); // exact, whatever overlaps
  const login = '<form method="post" action="/login"><input name="user" required><button>Log in</button></form>';
  return html`<!doctype html><title>h3</title>
    <p>Hello ${userId ?? "stranger"}: ${views} views.</p>
    ${userId === undefined ? raw(login) : ""}
    <form method="post" action="/logout"><button>Log out</button></form>`;
});

app.post("/login", async (event) => {
  const form = await readBody<{ user?: string }>(event);
  await session(event).login(form?.user ?? ""); // once you have checked the password
  return redirect("/", 303);
});

app.post("/logout", async (event) => {
  await session(event).destroy();
  return redirect("/", 303);
});

const { PORT = "3000" } = process.env;
serve(app, { port: Number(PORT) });
