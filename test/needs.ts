import { existsSync } from "node:fs";
import { describe, it } from "vitest";

/** What a test may need beyond Node and the packages, and where it is looked for. */
const PLACES = {
  Chromium: process.env.CHROMIUM_PATH || "/usr/bin/chromium",
};

export type Need = keyof typeof PLACES;

declare module "vitest" {
  interface TaskMeta {
    /** Why the suite was skipped; `reporter.ts` says so at the end. */
    wants?: Need;
  }
}

/**
 * A `describe` for tests that need something of the machine; the body gets the place where it is.
 *
 * A machine without it skips them, and the run's last lines name them. Under CI they fail instead, for a run that left them out
 * must not look like one that passed them.
 */
export function describeWith(need: Need, name: string, body: (place: string) => void): void {
  const place = PLACES[need];
  if (existsSync(place)) {
    describe(name, () => body(place));
  } else if (process.env.CI) {
    describe(name, () => {
      it(`has ${need}`, () => {
        throw new Error(`No ${need} at ${place}, and CI leaves no test out: .ci/run installs what the tests need.`);
      });
    });
  } else {
    describe(name, { skip: true, meta: { wants: need } }, () => body(place));
  }
}
