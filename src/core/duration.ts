import { HoldfastError } from "../errors.ts";

/** Milliseconds, or a number with its unit: `"30m"`, `"12h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3, w: 604_800e3 };

/** A hundred years: more is meant for "never", and would lead to times that not every store can hold. */
const LONGEST = 100 * 365 * UNITS.d!;

/** The most ms that a timer can wait: one of more would go off at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** What a duration has to be, for the messages of those who refuse it. */
export const DURATION_RULE =
  'must be a duration such as "30m", "12h" or "7d", or a number of milliseconds, at most 100 years';

/** A duration in ms, or undefined where it is none. */
export function parseDuration(duration: unknown): number | undefined {
  const parts = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d|w)$/.exec(typeof duration === "string" ? duration : "");
  const ms = parts ? Number(parts[1]) * UNITS[parts[2] as string]! : duration;
  return typeof ms === "number" && ms >= 1 && ms <= LONGEST ? Math.round(ms) : undefined;
}

/** The option's duration in ms. Throws `option-invalid`. */
export function milliseconds(duration: Duration, option: string): number {
  const ms = parseDuration(duration);
  if (ms === undefined) {
    throw new HoldfastError("option-invalid", `The option ${option} ${DURATION_RULE}.`, { option });
  }
  return ms;
}
