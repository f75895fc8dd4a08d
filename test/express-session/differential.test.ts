import { createRequire } from "node:module";
import fc from "fast-check";
import session from "holdfast/express-session";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { DIFFERENCES, type Difference, scriptOf, withoutFraming } from "./differential/differences.ts";
import { type Library, type Outcome, stage } from "./differential/play.ts";
import { type Script, script } from "./differential/script.ts";

// Read as the original loads.
process.env.NO_DEPRECATION = "express-session";
// Its types and ours both declare Express's req.session, so it goes without.
const original = createRequire(import.meta.url)("express-session") as Library;

/** What the property has found once. */
const FOUND: readonly Difference["example"][] = [
  // A save that failed, of what the handler then took back.
  {
    options: { resave: true },
    failing: "set:1",
    visits: [
      { steps: [{ do: "set", entry: "b", value: "" }, { do: "save" }, { do: "set", entry: "b", value: undefined }] },
    ],
  },
];

let theirs: Awaited<ReturnType<typeof stage>>;
let ours: Awaited<ReturnType<typeof stage>>;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.spyOn(console, "warn").mockImplementation(() => {});
  theirs = await stage(original);
  ours = await stage(session as unknown as Library);
});

afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  theirs.close();
  ours.close();
});

/** What came of each visit by both, visit by visit. */
async function playBoth(played: Script): Promise<{ theirs: Outcome; ours: Outcome }[]> {
  const by = [await theirs.play(played), await ours.play(played)] as const;
  return by[0].map((outcome, i) => ({ theirs: withoutFraming(outcome), ours: withoutFraming(by[1][i]!) }));
}

describe("beside express-session 1.19", () => {
  it("answers, stores and calls the store alike, but for the differences that are meant", async () => {
    let requests = 0;
    await fc.assert(
      fc.asyncProperty(script, async (played) => {
        for (const [i, outcome] of (await playBoth(played)).entries()) {
          requests++;
          if (JSON.stringify(outcome.ours) === JSON.stringify(outcome.theirs)) continue;
          const visit = played.visits[i]!;
          if (DIFFERENCES.some(({ explains }) => explains(played, visit, outcome.theirs, outcome.ours))) return;
          expect(outcome.ours, `visit ${i}`).toEqual(outcome.theirs);
        }
      }),
      { numRuns: 1200, examples: FOUND.map((found) => [scriptOf(found)]) },
    );
    expect(requests).toBeGreaterThan(2000);
  });

  it.each(DIFFERENCES)("differs where it is meant to: $what", async (difference) => {
    const played = scriptOf(difference.example);
    const outcomes = await playBoth(played);
    const at = outcomes.findIndex((outcome) => JSON.stringify(outcome.ours) !== JSON.stringify(outcome.theirs));
    expect(at, "the visit that differs").toBe(played.visits.length - 1);
    const { theirs, ours } = outcomes[at]!;
    expect(difference.explains(played, played.visits[at]!, theirs, ours)).toBe(true);
  });
});
