/** One promise of the kit's, under the name of what it is asked of. */
export interface Case {
  readonly name: string;
  run(): Promise<void>;
}

export interface Outcome {
  readonly name: string;
  readonly error?: string;
}

export const titled = (title: string, cases: readonly Case[]): Case[] =>
  cases.map(({ name, run }) => ({ name: `${title}: ${name}`, run }));

/** Runs them one after another, and tells of each. */
export async function runAll(cases: readonly Case[], tell: (outcome: Outcome) => void): Promise<void> {
  for (const { name, run } of cases) {
    try {
      await run();
      tell({ name });
    } catch (error) {
      tell({ name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
}
