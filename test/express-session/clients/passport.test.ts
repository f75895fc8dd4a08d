import express, { type Express } from "express";
import passport, { type AuthenticateOptions } from "passport";
import { Strategy } from "passport-local";
import { describe, expect, it } from "vitest";
import { browser, serve } from "../browser.ts";
import { type Library, libraries, sessionOf } from "../libraries.ts";

declare module "express-session" {
  interface SessionData {
    basket?: string;
  }
}

function shop(session: Library, options: AuthenticateOptions): Express {
  const login = new passport.Passport();
  login.use(new Strategy((username, password, done) => done(null, password === "right" && { username })));
  login.serializeUser((user, done) => done(null, user));
  login.deserializeUser((user: Express.User, done) => done(null, user));

  const app = express();
  app.use(express.urlencoded());
  app.use(session({ secret: "the app's own", resave: false, saveUninitialized: false }));
  app.use(login.session());
  app.get("/", (request, response) => {
    response.json({ user: request.user, basket: sessionOf(request).basket });
  });
  app.post("/basket", (request, response) => {
    sessionOf(request).basket = "a kettle";
    response.end();
  });
  app.post("/login", login.authenticate("local", options), (_, response) => response.redirect("/"));
  app.post("/logout", (request, response, next) => {
    request.logout(options, (error) => (error ? next(error) : response.redirect("/")));
  });
  return app;
}

const ADA = { username: "ada", password: "right" };

describe.each(libraries)("passport with %s", (_, session) => {
  it("logs in under a new id, and its old one lets nobody in", async () => {
    const ada = browser(await serve(shop(session, {})));
    await ada.post("/basket");
    const thief = browser(ada.origin, new Map(ada.cookies));

    const answer = await ada.post("/login", ADA);
    expect(await answer.json()).toEqual({ user: { username: "ada" } });
    expect(ada.cookies).not.toEqual(thief.cookies);
    expect(await (await thief.get("/")).json()).toEqual({});
  });

  it("takes the session's data over a login and a logout that keep it", async () => {
    const ada = browser(await serve(shop(session, { keepSessionInfo: true })));
    await ada.post("/basket");
    const answer = await ada.post("/login", ADA);
    expect(await answer.json()).toEqual({ user: { username: "ada" }, basket: "a kettle" });
    expect(await (await ada.post("/logout")).json()).toEqual({ basket: "a kettle" });
  });

  it("lets nobody in with a wrong password", async () => {
    const mallory = browser(await serve(shop(session, {})));
    expect((await mallory.post("/login", { ...ADA, password: "wrong" })).status).toBe(401);
    expect(await (await mallory.get("/")).json()).toEqual({});
  });

  it("logs out for good", async () => {
    const ada = browser(await serve(shop(session, {})));
    await ada.post("/login", ADA);
    const thief = browser(ada.origin, new Map(ada.cookies));
    expect(await (await ada.post("/logout")).json()).toEqual({});
    expect(await (await thief.get("/")).json()).toEqual({});
  });
});
