import fc, { type IAsyncProperty, type IProperty } from "fast-check";
import { afterAll } from "vitest";

/** Cases for each property. `npm run fuzz` asks for a million. */
const RUNS = Number(process.env.HOLDFAST_FUZZ_RUNS ?? 2_000);
/** At the longest, in ms. */
const LIMIT = Number(process.env.HOLDFAST_FUZZ_SECONDS ?? 20) * 1000;

export const FUZZ_TIMEOUT: number = LIMIT + 60_000;

let cases = 0;
afterAll(() => void process.stdout.write(`fuzz: ${cases} cases\n`));

/** `share` is what part of the cases is enough where each one costs a store's round trips. */
export async function check<Args>(property: IProperty<Args> | IAsyncProperty<Args>, share = 1): Promise<void> {
  const numRuns = Math.max(1, Math.ceil(RUNS * share));
  const limits = { interruptAfterTimeLimit: LIMIT, markInterruptAsFailure: false };
  const details = await fc.check(property, { numRuns, ...limits });
  cases += details.numRuns;
  if (details.failed) throw new Error(fc.defaultReportMessage(details));
}
