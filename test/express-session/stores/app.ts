import express, { type Express } from "express";
import type { SessionOptions, Store } from "express-session";
import { type Library, sessionOf } from "../libraries.ts";

declare module "express-session" {
  interface SessionData {
    visitor?: string;
    notes?: string[];
  }
}

const HOUR = 3_600_000;

/** What the app's page says of the session that it was asked with. */
export interface Page {
  readonly visitor?: string;
  readonly notes?: readonly string[];
  /** What the cookie's Date is once it came through the store. */
  readonly expires: "a Date" | "no Date";
}

/** An app as many are: it logs in and out, writes something down, and shows it. */
export function app(session: Library, store: Store, options: Partial<SessionOptions> = {}): Express {
  const app = express();
  app.use(
    session({
      secret: "the app's own",
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: HOUR },
      ...options,
      store,
    }),
  );
  app.get("/", (request, response) => {
    const { visitor, notes, cookie } = sessionOf(request);
    const expires = cookie.expires instanceof Date ? "a Date" : "no Date";
    response.json({ visitor, notes, expires } satisfies Page);
  });
  app.post("/login/:visitor", (request, response, next) => {
    sessionOf(request).regenerate((error) => {
      if (error) return next(error);
      sessionOf(request).visitor = request.params.visitor;
      response.end();
    });
  });
  app.post("/note/:note", (request, response) => {
    const session = sessionOf(request);
    session.notes = [...(session.notes ?? []), request.params.note];
    response.end();
  });
  app.post("/end-in/:milliseconds", (request, response) => {
    sessionOf(request).cookie.maxAge = Number(request.params.milliseconds);
    response.end();
  });
  app.post("/logout", (request, response, next) => {
    sessionOf(request).destroy((error) => (error ? next(error) : response.end()));
  });
  return app;
}
