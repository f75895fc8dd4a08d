import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll } from "vitest";

/** A PgBouncer of the test file's own, in transaction mode, with fewer connections to the server than it takes from clients. */
export function startPgBouncer(program: string, url: string): { readonly port: number } {
  const bouncer = { port: 0 };
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pgbouncer-"));
  let child: ChildProcess;

  beforeAll(async () => {
    const { hostname, port, username, pathname } = new URL(url);
    const database = pathname.slice(1);
    bouncer.port = await freePort();
    const config = join(folder, "pgbouncer.ini");
    writeFileSync(
      config,
      `[databases]
      ${database} = host=${hostname} port=${port} user=${username} dbname=${database}
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = ${bouncer.port}
      unix_socket_dir =
      auth_type = any
      pool_mode = transaction
      default_pool_size = 4
      ignore_startup_parameters = extra_float_digits`,
    );
    chmodSync(folder, 0o755);
    // It won't run as root.
    const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
    child = spawn(program, [...user, config], { stdio: ["ignore", "ignore", "pipe"] });
    for await (const line of createInterface(child.stderr!)) if (line.includes("process up")) break;
  });

  afterAll(async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true });
  });
  return bouncer;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
