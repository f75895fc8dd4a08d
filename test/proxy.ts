import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

/** What goes from the client to the server, and back. */
export type Direction = "requests" | "replies";

/** A TCP proxy on 127.0.0.1 that fails on command: what a network does between an app and its database. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Connections that were opened until now. */
  readonly accepted: number;
  /** Each piece of data waits so many milliseconds from now on; 0 for none. */
  delay(ms: number): void;
  /**
   * Lets nothing pass in these directions until `flow`; in both is a half-open connection, where nobody answers and nobody hangs up.
   * Resolves when the first piece of data is held, which is how a test knows that a request or its reply is on its way.
   */
  hold(...directions: Direction[]): Promise<void>;
  /** Lets through what is held, and all that follows. */
  flow(): void;
  /** Closes every connection and loses what is held. New ones are let in, and pass. */
  cut(): void;
  /** The same, with a reset (RST) in the client's face. */
  reset(): void;
  /** Cuts, and refuses connections until `up`, which listens on the same port. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

export async function startProxy(target: { readonly port: number; readonly host?: string }): Promise<TcpProxy> {
  const pairs = new Set<readonly [client: Socket, server: Socket]>();
  const held = new Set<Direction>();
  let gate = Promise.withResolvers<void>();
  let onHeld = () => {};
  let delay = 0;
  let accepted = 0;

  /** One piece after the other, so that no more than one is ever kept here: what follows waits in the sockets. */
  async function pass(from: Socket, to: Socket, direction: Direction): Promise<void> {
    try {
      for await (const piece of from) {
        if (delay > 0) await setTimeout(delay);
        while (held.has(direction)) {
          onHeld();
          await gate.promise;
        }
        if (!to.write(piece)) await once(to, "drain");
      }
      to.end();
    } catch {
      to.destroy();
    }
  }

  const server = createServer((client) => {
    const upstream = connect(target.port, target.host ?? "127.0.0.1");
    const pair = [client, upstream] as const;
    pairs.add(pair);
    accepted++;
    client.on("close", () => pairs.delete(pair));
    for (const socket of pair) socket.setNoDelay().on("error", () => {});
    pass(client, upstream, "requests");
    pass(upstream, client, "replies");
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  /** What is held stays so: its sockets are closed when it is let go. */
  function end(close: (client: Socket) => void): void {
    for (const [client, upstream] of pairs) {
      close(client);
      upstream.destroy();
    }
    pairs.clear();
    flow();
  }

  function flow(): void {
    held.clear();
    gate.resolve();
    gate = Promise.withResolvers();
  }

  const cut = () => end((client) => client.destroy());
  const down = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    cut();
    await closed;
  };

  return {
    port,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    delay(ms) {
      delay = ms;
    },
    hold(...directions) {
      for (const direction of directions) held.add(direction);
      return new Promise((resolve) => {
        onHeld = resolve;
      });
    },
    flow,
    cut,
    reset: () => end((client) => client.resetAndDestroy()),
    down,
    up: () => listen(port),
    close: down,
  };
}
