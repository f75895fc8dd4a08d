import type { Probe } from "../target.ts";
import { cookie } from "./cookie.ts";
import { identity } from "./identity.ts";
import { store } from "./store.ts";

/** What the standards demand, by the numbers of `docs/security.md`. */
export const requirements: readonly Probe[] = [...identity, ...cookie, ...store].sort((a, b) => a.number - b.number);
