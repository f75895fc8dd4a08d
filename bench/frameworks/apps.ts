import type { Server } from "node:http";

/**
 * The apps of one framework, by session library: what a file in `apps/` exports by default. `bare` has none, `holdfast` has memoryStore; the others are what
 * the framework's users have. All answer `/begin`, `/read` and `/write` as `cpu/measured.ts` says, with the session of `cpu/data.ts`.
 */
export type Apps = Record<"bare" | "holdfast", () => Promise<Server>> & Record<string, () => Promise<Server>>;
