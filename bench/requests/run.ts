/**
 * Server CPU per request over bare Express 5: reading one entry of an existing session, and changing one, with holdfast's memory store, and with
 * express-session's MemoryStore and the drop-in's.
 */
import { compare, kinds } from "../cpu/compare.ts";
import { table } from "../report.ts";

const names = ["bare", "holdfast", "express-session", "drop-in"] as const;
const { spent, over } = await compare(new URL("server.ts", import.meta.url), names);

const rows = kinds.map((kind) => ({
  request: kind,
  "bare µs": spent("bare", kind).toFixed(1),
  "express-session over bare µs": over("express-session", kind).toFixed(1),
  "holdfast over bare µs": over("holdfast", kind).toFixed(1),
  "drop-in over bare µs": over("drop-in", kind).toFixed(1),
  "holdfast / express-session": (over("holdfast", kind) / over("express-session", kind)).toFixed(3),
  "drop-in / express-session": (over("drop-in", kind) / over("express-session", kind)).toFixed(3),
}));
table("Server CPU per request (Express 5, memory stores)", rows);
