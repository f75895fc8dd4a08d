import { createSessions } from "holdfast";
import { nextSessions } from "holdfast/next";
import { sqliteStore } from "holdfast/stores/sqlite";
import { cookies, headers } from "next/headers";

interface Data {
  views: number;
  a: string;
  b: string;
}

export const sessions = createSessions<Data>({
  store: sqliteStore(process.env.DATABASE || "sessions.db"),
  // Next itself sets X-Forwarded-Proto where no proxy before it does.
  trustProxy: true,
});

export const { session, withSession } = nextSessions(sessions, { cookies, headers });
