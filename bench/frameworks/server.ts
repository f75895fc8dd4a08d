/** One app of one framework, bare or with one session library: `server.ts fastify holdfast`. */
import { measured } from "../cpu/measured.ts";
import type { Apps } from "./apps.ts";

const [framework, name] = process.argv.slice(2);
const { default: apps }: { default: Apps } = await import(`./apps/${framework}.ts`);
await measured(await apps[name!]!());
