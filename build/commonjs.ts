/**
 * Writes the drop-in's CommonJS build beside its ES modules: jest's `require`, which old apps' tests run on, loads no ES modules. One file, so that
 * nothing else of the package needs a second build.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const dist = new URL("../dist/express-session/", import.meta.url);

await build({
  entryPoints: [new URL("index.js", dist).pathname],
  outfile: new URL("index.cjs", dist).pathname,
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node22",
  sourcemap: true,
  // `require` answers the function itself, which carries the named exports. esbuild's list of them, for ES modules that import this file, stays.
  footer: { js: "module.exports = module.exports.default;" },
});

const types = new URL("commonjs.d.cts", import.meta.url);
writeFileSync(new URL("index.d.cts", dist), readFileSync(types));
