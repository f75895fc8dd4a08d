import type { Request } from "express";
import { isLanguage, type Language, TEXTS, type Text } from "./text.ts";

/** What every page knows of its visitor. */
export interface Visit {
  readonly language: Language;
  readonly text: Text;
  readonly path: string;
  readonly userId: string | undefined;
  readonly cart: readonly string[];
  /** Messages from the request before, each shown once. */
  readonly notes: readonly string[];
}

export function visit(req: Request): Visit {
  const { userId, data } = req.session;
  const notes = req.session.flash("note");
  return { language: languageOf(req), text: textOf(req), path: req.path, userId, cart: data.cart ?? [], notes };
}

/** The language chosen by the link, now or before; else the browser's. A visitor who only reads needs no session for it. */
export function languageOf(req: Request): Language {
  const chosen = /(?:^|;\s*)lang=(\w+)/.exec(req.headers.cookie ?? "")?.[1];
  return [req.query.lang, chosen, req.acceptsLanguages("en", "ko")].find(isLanguage) ?? "en";
}

export const textOf = (req: Request): Text => TEXTS[languageOf(req)];

/** One field of the form. */
export function field(req: Request, name: string): string {
  const value: unknown = req.body?.[name];
  return typeof value === "string" ? value.trim() : "";
}

/** The pages that a form may lead back to. */
const PAGES = ["/", "/cart", "/devices", "/life"] as const;

export type Page = (typeof PAGES)[number];

/** Only to pages of the shop: a redirect to any address would lend the shop's name to any site. */
export const destination = (to: unknown): Page => PAGES.find((page) => page === to) ?? "/";
