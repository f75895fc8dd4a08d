import { createSessions } from "holdfast";
import { reactRouterSessions } from "holdfast/react-router";
import { sqliteStore } from "holdfast/stores/sqlite";

interface Data {
  views: number;
  a: string;
  b: string;
}

const sessions = createSessions<Data>({ store: sqliteStore(process.env.DATABASE ?? "sessions.db") });

export const { middleware: sessionMiddleware, sessionContext } = reactRouterSessions(sessions);
