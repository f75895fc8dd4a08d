import { HoldfastError } from "../errors.ts";

/** Milliseconds, or a number with its unit: `"30m"`, `"12h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3, w: 604_800e3 };

/** A duration in ms. Throws `option-invalid`. */
export function milliseconds(duration: Duration, option: string): number {
  const parts = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d|w)$/.exec(typeof duration === "string" ? duration : "");
  const ms = parts ? Number(parts[1]) * UNITS[parts[2] as string]! : duration;
  if (typeof ms !== "number" || !Number.isFinite(ms) || ms < 1) {
    const message = `The option ${option} must be a duration such as "30m", "12h" or "7d", or a number of milliseconds.`;
    throw new HoldfastError("option-invalid", message, { option });
  }
  return Math.round(ms);
}
