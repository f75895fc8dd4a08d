import { HoldfastError } from "../errors.ts";

/** What people bring from other libraries, and where it went. */
export const MOVED: Readonly<Record<string, string>> = {
  secret:
    "ids are random and stored as hashes, so there is nothing to sign: leave it out; keys encrypts what is stored",
  resave: "only what changed is saved: leave it out",
  saveUninitialized: "a session without data is never stored: leave it out",
  rolling: "use moves the idle timeout by itself: leave it out",
  unset: "call session.destroy() to end a session: leave it out",
  genid: "ids are always 256 random bits: leave it out",
  proxy: "it is called trustProxy",
  ttl: "it is idle, or absolute",
  maxAge: "it is idle (since the last use) and absolute (since the beginning); cookie.persistent keeps the cookie",
  expires: "it is idle (since the last use) and absolute (since the beginning); cookie.persistent keeps the cookie",
  httpOnly: "the cookie always is: leave it out",
  cookieName: "it is cookie.name",
  password: "it is keys, which encrypts what is stored",
};

/**
 * Throws `option-unknown` for what isn't among the known, and says which is meant. `prefix` is where they stand: `cookie.`; `elsewhere` tells what has gone, or is
 * called otherwise.
 */
export function refuseUnknown(
  options: object,
  known: readonly string[],
  prefix = "",
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const moved = Object.hasOwn(elsewhere, option) ? elsewhere[option] : undefined;
    const meant = moved === undefined ? nearest(option, [...known, ...Object.keys(elsewhere)]) : undefined;
    const where = meant !== undefined && !known.includes(meant) ? ` (${elsewhere[meant]})` : "";
    const guess = meant === undefined ? `there are ${known.join(", ")}` : `did you mean ${prefix}${meant}?${where}`;
    throw new HoldfastError("option-unknown", `There is no option ${prefix}${option}: ${moved ?? guess}`, {
      option: prefix + option,
      ...(meant !== undefined && where === "" && { meant: prefix + meant }),
    });
  }
}

/** The known word that was most likely meant: two letters off, or a third of them. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const near = known
    .map((each) => ({ each, off: distance(word.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, off }) => off <= Math.max(2, each.length / 3) && off < word.length)
    .sort((a, b) => a.off - b.off);
  return near[0]?.each;
}

/** Levenshtein's distance, by rows. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
