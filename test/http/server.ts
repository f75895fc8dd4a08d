import type { Server } from "node:http";
import type { Http2SecureServer, Http2Server, Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts the server on a free port. Closing it cuts what is still connected. */
export async function listen(server: Server | Http2Server | Http2SecureServer): Promise<Listening> {
  const sessions = new Set<Http2Session>();
  server.on("session", (session: Http2Session) => {
    sessions.add(session.on("close", () => sessions.delete(session)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const session of sessions) session.destroy();
      if ("closeAllConnections" in server) server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
