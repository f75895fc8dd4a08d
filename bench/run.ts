/** Runs every benchmark, one after the other, each in a process of its own. `npm run bench -- requests` runs those that are named. */
import { spawnSync } from "node:child_process";

const all = ["requests/run", "frameworks/run", "overlaps", "memory", "sqlite", "stores/sql", "stores/redis"];
const named = process.argv.slice(2);
const chosen = all.filter((name) => named.length === 0 || named.includes(name.split("/", 1)[0]!));

for (const name of chosen) {
  const script = new URL(`${name}.ts`, import.meta.url).pathname;
  const { status } = spawnSync(process.execPath, ["--expose-gc", script], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
