/**
 * One process of the app. Any number of them run side by side, on as many machines as you like: they share the store and nothing else, and
 * any of them answers any request.
 */
import { setTimeout } from "node:timers/promises";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { createSessions, isHoldfastError } from "holdfast";
import { expressSessions } from "holdfast/express";
import { openStore } from "./store.ts";

declare module "holdfast" {
  interface SessionData {
    items: string[];
    [note: `note ${string}`]: string;
  }
}

const { store, close } = openStore();
const sessions = createSessions({ store });

const app = express();
app.set("trust proxy", "loopback, uniquelocal"); // nginx, on this machine or in this network
app.use(express.json());
app.use(expressSessions(sessions));

app.post("/login", async (req, res) => {
  await req.session.login(req.body.user); // once you have checked the password
  res.json({});
});

app.post("/logout", async (req, res) => {
  await req.session.destroy();
  res.json({});
});

app.get("/me", (req, res) => {
  const { userId: user = null, data } = req.session;
  res.json({ user, data: { ...data } });
});

const signedIn: RequestHandler = (req, res, next) => {
  if (req.session.userId === undefined) res.status(401).json({ error: "signed-out" });
  else next();
};

app.post("/logout-elsewhere", signedIn, async (req, res) => {
  await sessions.revokeAll({ userId: req.session.userId, except: req.session });
  res.json({});
});

/** Everyone adds to one list: `update` keeps what overlapping requests add. */
app.post("/items", signedIn, async (req, res) => {
  await req.session.update("items", (items = []) => [...items, req.body.item]);
  res.json({});
});

/** Each note is an entry of its own, so a plain property does. `?wait` makes a slow request, of some milliseconds. */
app.put("/notes/:name", signedIn, async (req, res) => {
  await setTimeout(Math.min(Number(req.query.wait ?? 0), 1000));
  req.session.data[`note ${req.params.name}`] = req.body.text;
  res.json({}); // leaves when the note is saved
});

const answerErrors: ErrorRequestHandler = (error, _req, res, next) => {
  if (!isHoldfastError(error) || res.headersSent) return next(error);
  res.status(error.status).json({ error: error.code });
};
app.use(answerErrors);

const { PORT = "3000", HOST } = process.env;
const server = HOST ? app.listen(Number(PORT), HOST) : app.listen(Number(PORT));
// Longer than nginx keeps an idle connection (60 s), so that none closes just as a request comes.
server.keepAliveTimeout = 75_000;

/** Finishes what it has begun, and takes no more. */
process.once("SIGTERM", () => {
  // nginx would keep the connections of the last requests for a minute.
  const closing = setInterval(() => server.closeIdleConnections(), 50);
  server.close(async () => {
    clearInterval(closing);
    await sessions.close();
    await close();
  });
});
