import { describe, expect, it } from "vitest";
import { read } from "./blocks.ts";

/** The lines of ErrorDetails: a code, and the fields of its details. */
const codes = [...read("src/errors.ts").matchAll(/^ {2}"([\w-]+)": (.*);$/gm)].map(([, code = "", type = ""]) => ({
  code,
  details: [...type.matchAll(/(\w+)\??:/g)].map(([, field]) => field),
}));

/** The sections of the document, by the code that each is headed with. */
const sections = new Map(
  read("docs/errors.md")
    .split(/^### /m)
    .slice(1)
    .map((section) => [/^`(.+)`$/m.exec(section)?.[1], section]),
);

describe("docs/errors.md", () => {
  it("has a heading for each code, and none besides", () => {
    expect([...sections.keys()]).toEqual(codes.map(({ code }) => code));
  });

  it.each(codes)("explains the details of $code", ({ code, details }) => {
    for (const field of details) expect(sections.get(code)).toContain(`\`${field}\``);
  });
});
