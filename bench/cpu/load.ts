/**
 * Requests over connections in memory: Node's whole HTTP server runs, but no kernel. Over TCP the kernel's part would count in, and it says more of the load
 * than of the server: sending the same bytes takes it several times as long when it has to wake a client that sleeps.
 */
import type { Server } from "node:http";
import { duplexPair } from "node:stream";

/** Sends so many requests, over eight connections at a time; throws where an answer is not `ok`. */
export async function load(server: Server, path: string, cookie: string, requests: number): Promise<void> {
  const head = `GET ${path} HTTP/1.1\r\nHost: bench\r\nCookie: ${cookie}\r\n\r\n`;
  await Promise.all(Array.from({ length: 8 }, () => connect(server, head, requests / 8)));
}

function connect(server: Server, head: string, requests: number): Promise<void> {
  const [client, connection] = duplexPair();
  server.emit("connection", connection);
  return new Promise((resolve, reject) => {
    let left = requests;
    let answer = "";
    client.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      if (!answer.endsWith("\r\n\r\nok")) {
        if (answer.length > 10_000) reject(new Error(`wrong answer: ${answer}`));
        return;
      }
      answer = "";
      left -= 1;
      if (left > 0) client.write(head);
      else resolve(void client.destroy());
    });
    client.write(head);
  });
}
