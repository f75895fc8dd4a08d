import type { Probe } from "../target.ts";
import { cookie } from "./cookie.ts";
import { device } from "./device.ts";
import { identity } from "./identity.ts";
import { store } from "./store.ts";

/** What the standards demand, by the numbers of `docs/security.md`. */
export const requirements: readonly Probe[] = [...identity, ...cookie, ...store, ...device].sort(
  (a, b) => a.number - b.number,
);
