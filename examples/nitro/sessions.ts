import { createSessions } from "holdfast";
import { h3Sessions } from "holdfast/h3";
import { sqliteStore } from "holdfast/stores/sqlite";

interface Data {
  views: number;
  a: string;
  b: string;
}

export const sessions = createSessions<Data>({ store: sqliteStore(process.env.DATABASE ?? "sessions.db") });

export const { middleware, session } = h3Sessions(sessions);
