import { readdirSync, readFileSync } from "node:fs";
import { root } from "../package/subpaths.ts";

/** A piece of code out of a document, or out of a comment in the source. */
export interface Block {
  /** From the repository's root. */
  readonly file: string;
  /** Where its code begins, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

export const read = (file: string): string => readFileSync(root + file, "utf8");

export function list(folder: string, extension: string): string[] {
  const files = readdirSync(root + folder, { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(extension)).map((file) => `${folder}/${file}`);
}

/** A fence at the line's beginning, as documents have it, or behind a comment's star. */
const FENCE = /^( +\* |)```(\w+)\n(.*?)^\1```$/gms;

export function blocks(file: string): Block[] {
  const text = read(file);
  return [...text.matchAll(FENCE)].map(({ index, 1: margin, 2: language = "", 3: body = "" }) => ({
    file,
    line: text.slice(0, index).split("\n").length + 1,
    language,
    code: margin ? body.replaceAll(/^ +\* ?/gm, "") : body,
  }));
}

/** An example that is a whole app: it can be run as printed. */
export function app(file: string, framework: string): Block {
  const found = blocks(file).find(({ code }) => code.includes(`from "${framework}"`) && code.includes(".listen("));
  if (!found) throw new Error(`${file} has no app for ${framework}`);
  return found;
}
