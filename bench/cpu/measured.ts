/**
 * The process of one measured server. Its parent (`compare.ts`) says what to load it with, and is told the CPU time that a request took. The server answers
 * `/begin` with the cookies of a new session, `/read` and `/write` with "ok".
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { load } from "./load.ts";

export async function measured(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const begun = await fetch(`http://127.0.0.1:${port}/begin`);
  // Of two cookies of one name the last is what a browser has.
  const cookies = new Map(
    begun.headers.getSetCookie().map((line) => line.split(";")[0]!.split(/=(.*)/, 2) as [string, string]),
  );
  const cookie = [...cookies].map((pair) => pair.join("=")).join("; ") || "none=0";
  server.close();

  process.on("message", async ({ path, requests }: { path: string; requests: number }) => {
    const before = process.cpuUsage();
    await load(server, path, cookie, requests);
    const { user, system } = process.cpuUsage(before);
    process.send!((user + system) / requests);
  });
  process.on("disconnect", () => process.exit());
  process.send!("ready");
}
