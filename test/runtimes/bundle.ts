import { build } from "esbuild";
import { internalsUnder, subpaths } from "../package/subpaths.ts";

/** One module of the code, from source, as a runtime with these conditions would resolve the package's own imports. */
export async function bundled(code: string, conditions: readonly string[]): Promise<string> {
  const sources = new Map([...subpaths, ...internalsUnder(conditions)].map((one) => [one.specifier, one.source]));
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    external: ["node:*", "cloudflare:*"],
    write: false,
    logLevel: "silent",
    plugins: [
      {
        name: "from source",
        setup({ onResolve }) {
          onResolve({ filter: /^(holdfast|#)/ }, ({ path }) => ({ path: sources.get(path) }));
        },
      },
    ],
  });
  return outputFiles[0]!.text;
}
