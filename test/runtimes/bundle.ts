import { build } from "esbuild";
import { internalsUnder, subpaths } from "../package/subpaths.ts";

/** One module of the code, from source, as a runtime with these conditions would resolve the package's own imports. Other packages stay to be imported. */
export async function bundled(code: string, conditions: readonly string[]): Promise<string> {
  const sources = new Map([...subpaths, ...internalsUnder(conditions)].map((one) => [one.specifier, one.source]));
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    write: false,
    logLevel: "silent",
    plugins: [
      {
        name: "from source",
        setup({ onResolve }) {
          onResolve({ filter: /^[^.]/ }, ({ path, kind }) => {
            // jose signs for the tests' devices, and a Worker has no node_modules.
            if (kind === "entry-point" || path.startsWith("/") || path === "jose") return undefined;
            const source = sources.get(path);
            return source ? { path: source } : { path, external: true };
          });
        },
      },
    ],
  });
  return outputFiles[0]!.text;
}
