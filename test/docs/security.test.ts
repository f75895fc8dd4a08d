import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { root } from "../package/subpaths.ts";
import { attacks } from "../security/attacks/index.ts";
import { requirements } from "../security/requirements/index.ts";
import { titleOf } from "../security/target.ts";
import { read } from "./blocks.ts";

/** The cells of the table below this heading. */
function table(file: string, heading: string): string[][] {
  const section = read(file).split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(1).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe("docs/security.md", () => {
  it("has a row for each requirement's test, 1 to 28", () => {
    expect(table("docs/security.md", "Requirements").map(([test]) => test)).toEqual(requirements.map(titleOf));
    expect(requirements.map(({ number }) => number)).toEqual(Array.from({ length: 28 }, (_, i) => i + 1));
  });

  it("has a row for each attack's test", () => {
    expect(table("docs/security.md", "Attacks").map(([test]) => test)).toEqual(attacks.map(titleOf));
  });

  it("says of what is open that it is", () => {
    for (const [test, here] of table("docs/security.md", "Requirements")) {
      const { open } = requirements.find((each) => titleOf(each) === test)!;
      expect(here!.includes("**Not yet**"), test).toBe(open !== undefined);
    }
  });

  it.each(table("docs/security.md", "Options"))("names a test that is there for %s", (_option, _holds, pointer) => {
    const [, file = "", name = ""] = /^`(.+?)`: (.+)$/.exec(pointer!) ?? [];
    expect(read(file)).toContain(name);
  });

  it.each(["docs/security.md", "SECURITY.md"])("names files that are there, in %s", (document) => {
    for (const [, path] of read(document).matchAll(/`((?:test|src)\/[\w./-]+)`/g))
      expect(existsSync(root + path), path).toBe(true);
  });
});

describe("SECURITY.md", () => {
  const promises = read("SECURITY.md").split("\n## What is promised\n")[1]!.split("\n## ")[0]!.split(/^- /m).slice(1);

  it.each(promises.map((promise) => [promise.split("**")[1], promise]))(
    "names what shows that %s",
    (_name, promise) => {
      const named = [...promise!.matchAll(/\b([RA])(\d+)\b/g)];
      const files = [...promise!.matchAll(/`(?:test|src)\/[\w./-]+`/g)];
      expect(named.length + files.length).toBeGreaterThan(0);
      for (const [reference, kind, number] of named) {
        const list = kind === "R" ? requirements : attacks;
        expect(
          list.some((each) => each.number === Number(number) && each.open === undefined),
          reference,
        ).toBe(true);
      }
    },
  );
});
