/** Sessions in Express 5: a counter, a login and a logout. */
import express from "express";
import { createSessions } from "holdfast";
import { expressSessions } from "holdfast/express";
import { sqliteStore } from "holdfast/stores/sqlite";

declare module "holdfast" {
  interface SessionData {
    views: number;
  }
}

const sessions = createSessions({ store: sqliteStore("sessions.db") });

const app = express();
app.use(expressSessions(sessions)); // behind static files, which need no session
app.use(express.urlencoded());

app.get("/", async (req, res) => {
  const { userId } = req.session;
  const views = await req.session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
  res.send(`<!doctype html><title>Express</title>
    <p>Hello ${escapeHtml(userId ?? "stranger")}: ${views} views.</p>
    ${userId === undefined ? '<form method="post" action="/login"><input name="user" required><button>Log in</button></form>' : ""}
    <form method="post" action="/logout"><button>Log out</button></form>`);
});

app.post("/login", async (req, res) => {
  await req.session.login(req.body?.user ?? ""); // once you have checked the password
  res.redirect(303, "/");
});

app.post("/logout", async (req, res) => {
  await req.session.destroy();
  res.redirect(303, "/");
});

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const { PORT = "3000" } = process.env;
app.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`));
