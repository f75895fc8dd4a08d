import { createRequire } from "node:module";
import { csrfSync } from "csrf-sync";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import { describe, expect, it } from "vitest";
import { browser, serve } from "../browser.ts";
import { type Library, libraries } from "../libraries.ts";

const require = createRequire(import.meta.url);
const csurf: () => RequestHandler = require("csurf");
const lusca: { csrf(): RequestHandler } = require("lusca");

const guards = [
  ["csurf", csurf],
  ["csrf-sync", () => csrfSync().csrfSynchronisedProtection],
  ["lusca", lusca.csrf],
] as const;

/** Each keeps what it needs in the session, and its `csrfToken()` in the request. */
function bank(session: Library, guard: () => RequestHandler): Express {
  const app = express();
  app.use(session({ secret: "the app's own", resave: false, saveUninitialized: false }), guard());
  app.get("/token", (request, response) => {
    response.send(request.csrfToken?.());
  });
  app.post("/transfer", (_, response) => {
    response.end();
  });
  app.use(((_error, _request, response, _next) => void response.sendStatus(403)) satisfies ErrorRequestHandler);
  return app;
}

describe.each(libraries)("with %s", (_, session) => {
  it.each(guards)("%s takes a post with the token of its session, and no other", async (_, guard) => {
    const origin = await serve(bank(session, guard));
    const [ada, mallory] = [browser(origin), browser(origin)];
    const adas = await (await ada.get("/token")).text();
    const mallorys = await (await mallory.get("/token")).text();

    expect((await ada.post("/transfer", {}, { "x-csrf-token": adas })).status).toBe(200);
    expect((await ada.post("/transfer", {}, { "x-csrf-token": mallorys })).status).toBe(403);
    expect((await ada.post("/transfer")).status).toBe(403);
  });
});
