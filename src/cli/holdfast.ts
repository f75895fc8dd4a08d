#!/usr/bin/env node
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { SessionsOptions } from "../index.ts";
import { doctor } from "./doctor.ts";

const USAGE = `holdfast doctor: says what is wrong with an app's sessions, and how to mend it

  holdfast doctor --url https://shop.example/cart   a page that begins a session
      --cookie sid          the session cookie's name; the default is that of the options
      --options ./file.js   a module that exports \`options\`, what the app gives createSessions
      --production          judge as for visitors; the default where NODE_ENV is production

Exits with 1 where it has found an error.
`;

const { values, positionals } = read();

if (values.help || positionals[0] !== "doctor" || !(values.url || values.options)) {
  (values.help ? process.stdout : process.stderr).write(USAGE);
  process.exit(values.help ? 0 : 2);
}

const { url, cookie, production } = values;
const options = values.options === undefined ? undefined : await load(values.options);
const findings = await doctor({ url, cookie, options, production });
for (const { level, code, message } of findings) console.log(`${level}  ${code}\n  ${message}\n`);
if (findings.length === 0) console.log("Nothing was found to be wrong.");
// The store's connections, which are the app's, would keep the process.
process.exit(findings.some(({ level }) => level === "error") ? 1 : 0);

function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        url: { type: "string" },
        cookie: { type: "string" },
        options: { type: "string" },
        production: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function load(file: string): Promise<SessionsOptions> {
  try {
    const { options } = (await import(pathToFileURL(resolve(file)).href)) as { options?: SessionsOptions };
    if (options) return options;
    process.stderr.write(`${file} exports no \`options\`.\n`);
  } catch (error) {
    process.stderr.write(`${file} can't be loaded: ${(error as Error).message}\n`);
  }
  return process.exit(2);
}
