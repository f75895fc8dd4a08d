/**
 * Server CPU per request over each bare framework: reading one entry of an existing session, and changing one, with holdfast's memory store and with what
 * the framework's users have. `run.ts fastify` measures one framework alone; a file in `apps/` adds one.
 */
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { compare, kinds } from "../cpu/compare.ts";
import { table } from "../report.ts";
import type { Apps } from "./apps.ts";

const all = readdirSync(new URL("apps", import.meta.url)).map((file) => basename(file, ".ts"));
const named = process.argv.slice(2);

for (const framework of named.length > 0 ? named : all.sort()) {
  const { default: apps }: { default: Apps } = await import(`./apps/${framework}.ts`);
  const names = Object.keys(apps);
  const { spent, over } = await compare(new URL("server.ts", import.meta.url), names, framework);
  const rows = names
    .filter((name) => name !== "bare")
    .map((name) => ({
      sessions: name,
      ...Object.fromEntries(
        kinds.flatMap((kind) => [
          [`${kind}: over bare µs`, over(name, kind).toFixed(1)],
          [`${kind}: holdfast / it`, (over("holdfast", kind) / over(name, kind)).toFixed(3)],
        ]),
      ),
    }));
  const bare = kinds.map((kind) => `${kind} ${spent("bare", kind).toFixed(1)} µs`).join(", ");
  table(`Server CPU per request over bare ${framework} (${bare})`, rows);
}
