import type { Groups } from "./groups.ts";

/** How one case ended. */
export interface Outcome {
  readonly group: string;
  readonly name: string;
  /** Undefined where the case holds. */
  readonly error?: string | undefined;
}

/** A case that hangs must not take the others with it. In ms. */
const PATIENCE = 60_000;

/** Runs all cases one after another, and prints a line of JSON for each: what `run.ts` reads. */
export async function report(groups: Groups): Promise<void> {
  for (const [group, cases] of Object.entries(groups)) {
    for (const { name, run } of cases) console.log(JSON.stringify({ group, name, error: await failure(run) }));
  }
}

/** Why the case fails, or undefined. */
export async function failure(run: () => Promise<void>): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not end within ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    await Promise.race([run(), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? String(error)) : String(error);
  } finally {
    clearTimeout(timer);
  }
}
