import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import tsconfig from "../../tsconfig.json" with { type: "json" };
import { root, subpaths } from "./subpaths.ts";

/** One file, one subpath. */
const listing = (room: string): string[] => readdirSync(join(root, "src", room)).map((file) => basename(file, ".ts"));

/** Where tsc looks for a specifier: the exact path first, then the longest pattern, as `paths` is defined. */
function typeSource(specifier: string): string | undefined {
  const [pattern, targets] =
    Object.entries(tsconfig.compilerOptions.paths)
      .toSorted(([one], [other]) => other.replace("*", "").length - one.replace("*", "").length)
      .find(([key]) => key === specifier || (key.endsWith("*") && specifier.startsWith(key.slice(0, -1)))) ?? [];
  return pattern && targets?.[0] && join(root, targets[0].replace("*", specifier.slice(pattern.length - 1)));
}

it("exports each store and each framework, and says so line by line", () => {
  const expected = [
    ".",
    "./testing",
    "./doctor",
    "./express-session",
    "./package.json",
    ...listing("stores").map((name) => `./stores/${name}`),
    ...listing("frameworks").map((name) => `./${name}`),
  ];
  expect(Object.keys(manifest.exports).toSorted()).toEqual(expected.toSorted());
});

it.each(subpaths)("builds $specifier from a file in src", ({ source }) => {
  expect(existsSync(source), source).toBe(true);
});

it.each(subpaths)("type-checks $specifier from source", ({ specifier, source }) => {
  expect(typeSource(specifier), "tsconfig.json's paths").toBe(source);
});

it.each(subpaths)("tests $specifier from source", async ({ specifier, source }) => {
  expect(await import(specifier)).toBe(await import(source));
});

it("requires no peer", () => {
  const peers = Object.keys(manifest.peerDependencies);
  const optional = Object.entries(manifest.peerDependenciesMeta).filter(([, meta]) => meta.optional);
  expect(optional.map(([name]) => name)).toEqual(peers);
});
