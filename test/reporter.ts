import type { Reporter, SerializedError, TestModule, TestSuite } from "vitest/node";

/**
 * Closes a run with what was left out and why, and then one plain line of counts, for readers that are programs:
 *
 *     skipped, for want of Chromium: the demo in a browser (7 tests)
 *     212 passed, 0 failed, 7 skipped
 */
export default class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], strayErrors: readonly SerializedError[]): void {
    const suites = modules.flatMap((module) => [...module.children.allSuites()]);
    const count = (state: "passed" | "failed" | "skipped"): number => sum(modules, (module) => tests(module, state));

    // A file that can't be loaded and a hook that throws fail the run, though no test.
    const besideTests = sum([...modules, ...suites], (group) => group.errors().length) + strayErrors.length;
    const skipped = count("skipped");

    // Inner suites inherit the need of the outermost, which stands for them.
    const wanting = suites.filter((suite) => suite.meta().wants && !suite.parent.meta().wants);
    const lines = [...new Set(wanting.map((suite) => suite.meta().wants))].map((need) => {
      const names = wanting.filter((suite) => suite.meta().wants === need).map(named);
      return `skipped, for want of ${need}: ${names.join(", ")}`;
    });
    const counts = `${count("passed")} passed, ${count("failed") + besideTests} failed`;
    process.stdout.write([...lines, skipped ? `${counts}, ${skipped} skipped` : counts, ""].join("\n"));
  }
}

const sum = <T>(items: readonly T[], size: (item: T) => number): number =>
  items.reduce((total, item) => total + size(item), 0);

const tests = (group: TestModule | TestSuite, state?: "passed" | "failed" | "skipped"): number =>
  [...group.children.allTests(state)].length;

function named(suite: TestSuite): string {
  const size = tests(suite);
  return `${suite.fullName} (${size} ${size === 1 ? "test" : "tests"})`;
}
