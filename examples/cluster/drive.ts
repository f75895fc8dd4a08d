/**
 * Drives browsers through nginx while processes die, and counts what was promised and not kept:
 * `node examples/cluster/drive.ts [redis|postgres] [seconds]`. Its exit code is 1 where that isn't nothing.
 */
import { setTimeout } from "node:timers/promises";
import { newPerson } from "./drive/person.ts";
import { isFlawless, newTally, report } from "./drive/tally.ts";
import { startNamed } from "./local/cluster.ts";

const PEOPLE = 12;

const [store, seconds = "30"] = process.argv.slice(2);
const cluster = await startNamed(store);
const { url, backend, apps } = cluster;
const tally = newTally();
const people = Array.from({ length: PEOPLE }, (_, i) => newPerson(url, `user${i}`, i % 3 === 0, tally));

const begin = Date.now();
const busy = () => Date.now() - begin < Number(seconds) * 1000;
const tell = (what: string) => console.log(`${((Date.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${what}`);

/** One failure at a time, and the next when all is whole again. */
async function disturb(): Promise<void> {
  for (let turn = 0; busy(); turn++) {
    await setTimeout(500);
    const app = apps[turn % apps.length]!;
    const signal = turn % 2 === 0 ? "SIGKILL" : "SIGTERM";
    tell(`${app.name} gets ${signal}`);
    await app.end(signal);
    await setTimeout(300);
    await app.start();
    tell(`${app.name} is back`);
    await setTimeout(500);
    await backend.disturb(tell);
  }
}

console.log(`${2 * PEOPLE} browsers, nginx, ${apps.length} app processes, ${backend.name}: ${seconds} seconds`);
try {
  await Promise.all([disturb(), ...people.map((person) => person.live(busy))]);
  tell("all is whole; a last look");
  await Promise.all(people.map((person) => person.lookBack()));
} finally {
  await cluster.end();
}
console.log(`\n${report(tally)}`);
process.exitCode = isFlawless(tally) ? 0 : 1;
