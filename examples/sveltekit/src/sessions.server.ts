import { createSessions } from "holdfast";
import { sqliteStore } from "holdfast/stores/sqlite";

export interface Data {
  views: number;
  a: string;
  b: string;
}

export const sessions = createSessions<Data>({ store: sqliteStore(process.env.DATABASE ?? "sessions.db") });
