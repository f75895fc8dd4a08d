import manifest from "../../package.json" with { type: "json" };

/** One line of package.json's `exports` (or `imports`), and the file it is built from. */
export interface Subpath {
  /** What an app imports: `holdfast/stores/memory`. */
  readonly specifier: string;
  /** Absolute path in `src`. */
  readonly source: string;
}

export const root: string = new URL("../../", import.meta.url).pathname;

const sourceOf = (target: string): string => `${root}src/${target.slice("./dist/".length).replace(/\.js$/, ".ts")}`;

/** The public entry points, out of package.json: a new one is one line there, and is tested, measured and packed from then on. */
export const subpaths: readonly Subpath[] = Object.entries(manifest.exports)
  .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.import] as const)
  .filter(([, target]) => target.startsWith("./dist/"))
  .map(([subpath, target]) => ({ specifier: manifest.name + subpath.slice(1), source: sourceOf(target) }));

/** The package's own `#` specifiers, as a runtime with these conditions resolves them: by the first line that fits. */
export function internalsUnder(conditions: readonly string[]): readonly Subpath[] {
  return Object.entries(manifest.imports).map(([specifier, targets]) => {
    const [, target] = Object.entries(targets).find(([key]) => key === "default" || conditions.includes(key))!;
    return { specifier, source: sourceOf(target) };
  });
}

/** As Node does. */
export const internals: readonly Subpath[] = internalsUnder(["node"]);
