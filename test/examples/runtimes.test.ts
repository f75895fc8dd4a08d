import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { it } from "vitest";
import type { Example } from "../docs/example.ts";
import { describeWith } from "../needs.ts";
import { root } from "../package/subpaths.ts";
import { bundled } from "../runtimes/bundle.ts";
import { countsAndLogsIn } from "./story.ts";

/** The runtimes with a server of their own, what stands before an example's file, and how they resolve. */
const RUNTIMES = {
  Bun: { options: [], conditions: ["bun", "node"] },
  Deno: {
    options: "serve --allow-read --allow-write --no-prompt --host 127.0.0.1 --port 0".split(" "),
    conditions: ["deno", "node"],
  },
} as const;

for (const [name, { options, conditions }] of Object.entries(RUNTIMES)) {
  describeWith(name as keyof typeof RUNTIMES, `the example for ${name}`, (program) => {
    async function start(folder: string): Promise<Example> {
      const file = join(folder, "server.mjs");
      const example = join(root, "examples", name.toLowerCase(), "server.ts");
      writeFileSync(file, await bundled(`export { default } from ${JSON.stringify(example)};`, conditions));
      const env = {
        ...process.env,
        PORT: "0",
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
        DENO_DIR: join(folder, "deno"),
      };
      const child = spawn(program, [...options, file], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
      const ended = once(child, "close");
      let output = "";
      const port = await new Promise<string>((resolve, reject) => {
        for (const stream of [child.stdout, child.stderr]) {
          createInterface(stream).on("line", (line) => {
            output += `${line}\n`;
            const [, found] = /http:\/\/[\w.]+:(\d+)/.exec(line) ?? [];
            if (found) resolve(found);
          });
        }
        ended.then(() => reject(new Error(`The example ended before it listened:\n${output}`)));
      });
      return {
        url: `http://127.0.0.1:${port}`,
        async stop() {
          child.kill();
          await ended;
        },
      };
    }

    it("counts, logs in and out, and has its sessions again after a restart", () => countsAndLogsIn(start));
  });
}
