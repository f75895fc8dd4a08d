import type { ErrorRequestHandler, RequestHandler } from "express";
import { isHoldfastError } from "holdfast";
import { message } from "./pages.ts";
import { isLanguage, TEXTS } from "./text.ts";
import { languageOf, textOf, visit } from "./visit.ts";

const POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  "img-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const secured: RequestHandler = (_req, res, next) => {
  res.set({
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
  });
  next();
};

/** SameSite=Lax keeps other sites' forms out of a visitor's session, but not from signing the visitor in as somebody. */
export const sameOrigin: RequestHandler = (req, res, next) => {
  const origin = req.get("origin");
  if (req.method !== "POST" || origin === undefined || origin === `${req.protocol}://${req.host}`) return next();
  res.status(403).type("text").send(textOf(req).refused);
};

/** Remembers the choice of the language link in a cookie of its own, beside the session. */
export const language: RequestHandler = (req, res, next) => {
  const { lang } = req.query;
  if (isLanguage(lang)) res.cookie("lang", lang, { sameSite: "lax", httpOnly: true, maxAge: 365 * 24 * 60 * 60_000 });
  res.vary("Accept-Language, Cookie");
  next();
};

export const notFound: RequestHandler = (req, res) => {
  res.status(404).send(message(visit(req), textOf(req).notFound));
};

/** The session itself may be what failed, so this page does without. */
export const failed: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (res.headersSent) return next(error);
  const gone = isHoldfastError(error) && error.code === "session-gone";
  if (!gone) console.error(error);
  const language = languageOf(req);
  const text = TEXTS[language];
  const nobody = { language, text, path: req.path, userId: undefined, cart: [], notes: [] };
  res.status(gone ? 409 : 500).send(message(nobody, gone ? text.sessionGone : text.failed));
};
