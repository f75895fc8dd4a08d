import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { internals, subpaths } from "../package/subpaths.ts";

/**
 * A program of a test, from source in one file, as a runtime gets it that knows nothing of this repository. `web`: with what package.json's `imports` has for
 * runtimes without Node's modules.
 */
export async function bundle(entry: string, { web = false } = {}): Promise<string> {
  const sources = new Map(
    [...subpaths, ...internals].map(({ specifier, source }) => [
      specifier,
      web && specifier.startsWith("#") ? source.replace(".node.ts", ".web.ts") : source,
    ]),
  );
  const outfile = join(mkdtempSync(join(tmpdir(), "holdfast-runtime-")), "program.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, entry)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    external: ["node:*"],
    plugins: [
      {
        name: "from source",
        setup: ({ onResolve }) =>
          onResolve({ filter: /^(#|holdfast)/ }, ({ path }) => ({
            path: sources.get(path),
            external: !sources.has(path),
          })),
      },
    ],
  });
  return outfile;
}
