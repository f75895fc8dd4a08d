import { existsSync } from "node:fs";
import { connect } from "node:net";
import { describe, it } from "vitest";

function inRepository(path: string): string {
  return new URL(`../${path}`, import.meta.url).pathname;
}

/** What a test may need beyond Node and the packages, and where it is looked for: a path, or the URL of a server. */
const PLACES = {
  Chromium: process.env.CHROMIUM_PATH || "/usr/bin/chromium",
  PostgreSQL: process.env.HOLDFAST_POSTGRES_URL || "postgres://postgres@127.0.0.1:5432/postgres",
  PgBouncer: process.env.PGBOUNCER_PATH || "/usr/sbin/pgbouncer",
  MariaDB: process.env.HOLDFAST_MARIADB_URL || "mysql://root@127.0.0.1:3306",
  // Its usual port is MariaDB's; at port 0 there is nobody.
  MySQL: process.env.HOLDFAST_MYSQL_URL || "mysql://127.0.0.1:0",
  Redis: process.env.HOLDFAST_REDIS_URL || "redis://127.0.0.1:6379",
  nginx: process.env.NGINX_PATH || "/usr/sbin/nginx",
  "redis-server": "/usr/bin/redis-server",
  "valkey-server": "/usr/bin/valkey-server",
  // Out of npm. The last two are of one platform, so they have a package of their own.
  Bun: inRepository("node_modules/.bin/bun"),
  Deno: inRepository("node_modules/.bin/deno"),
  workerd: inRepository("node_modules/.bin/workerd"),
  "Node 22": inRepository("test/runtimes/node_modules/node22/bin/node"),
  "Node 26": inRepository("test/runtimes/node_modules/node26/bin/node"),
  MongoDB: process.env.HOLDFAST_MONGODB_URL || "mongodb://127.0.0.1:27017",
};

export type Need = keyof typeof PLACES;

/** What CI does without: neither Debian nor npm has a MongoDB server, and MySQL is in Debian unstable alone, which may be broken. */
const SPARED: ReadonlySet<Need> = new Set(["MongoDB", "MySQL"]);

declare module "vitest" {
  interface TaskMeta {
    /** Why the suite was skipped; `reporter.ts` says so at the end. */
    wants?: Need;
  }
}

// Asked before any test is collected, since `describe` can't wait for an answer.
const found = new Set<string>();
await Promise.all(Object.values(PLACES).map(async (place) => (await isThere(place)) && found.add(place)));

/**
 * A `describe` for tests that need something of the machine; the body gets the place where it is.
 *
 * A machine without it skips them, and the run's last lines name them. Under CI they fail instead, for a run that left them out
 * must not look like one that passed them.
 */
export function describeWith(need: Need, name: string, body: (place: string) => void): void {
  const place = PLACES[need];
  if (found.has(place)) {
    describe(name, () => body(place));
  } else if (process.env.CI && !SPARED.has(need)) {
    describe(name, () => {
      it(`has ${need}`, () => {
        throw new Error(`No ${need} at ${place}, and CI leaves no test out: .ci/run installs what the tests need.`);
      });
    });
  } else {
    describe(name, { skip: true, meta: { wants: need } }, () => body(place));
  }
}

/** Where it is, or undefined on a machine without it. */
export function availability(need: Need): string | undefined {
  const place = PLACES[need];
  return found.has(place) ? place : undefined;
}

async function isThere(place: string): Promise<boolean> {
  if (!place.includes("://")) return existsSync(place);
  const { hostname, port } = new URL(place);
  const socket = connect({ host: hostname, port: Number(port), timeout: 2000 });
  return new Promise((resolve) => {
    const answer = (isOpen: boolean) => () => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", answer(true)).once("error", answer(false)).once("timeout", answer(false));
  });
}
