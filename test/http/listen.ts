import { readFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import { listen } from "./server.ts";

export { type Listening, listen } from "./server.ts";

/** For tests alone: key and certificate of localhost, good until 2126. */
const pem = readFileSync(new URL("localhost.pem", import.meta.url));
export const tls = { key: pem, cert: pem };

/** Starts the server on a free port, until the test ends. Answers the port. */
export async function listening(server: Parameters<typeof listen>[0]): Promise<number> {
  const { port, close } = await listen(server);
  onTestFinished(close);
  return port;
}
