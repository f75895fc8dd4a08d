/** What the store needs of a client. Drivers are told apart by their methods, and none is imported. */
export type RedisClient = CallClient | SingleClient | SentinelClient | ClusterClient;

/** ioredis and iovalkey: a single server, Sentinel or Cluster. */
interface CallClient {
  readonly options: object;
  call(command: string, args: string[]): Promise<unknown>;
  pipeline(commands: string[][]): { exec(): Promise<[error: Error | null, reply: unknown][] | null> };
}

/** node-redis, one server. */
interface SingleClient {
  sendCommand(args: string[]): Promise<unknown>;
  multi(): { addCommand(args: string[]): unknown; execAsPipeline(): Promise<unknown> };
}

/** node-redis through Sentinel. */
interface SentinelClient {
  sendCommand(isReadonly: boolean, args: string[]): Promise<unknown>;
  multi(): { addCommand(isReadonly: boolean, args: string[]): unknown; execAsPipeline(): Promise<unknown> };
  acquire(): Promise<unknown>;
}

/** node-redis Cluster. */
interface ClusterClient {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
  multi(): {
    addCommand(firstKey: string, isReadonly: boolean, args: string[]): unknown;
    execAsPipeline(): Promise<unknown>;
  };
  readonly masters: readonly unknown[];
}

type Command = string[];

/** Sends to the primary that has the key. */
export interface Sender {
  send(key: string, ...command: Command): Promise<unknown>;
  /** Two commands in a row on one connection; their names in lower case, as ioredis calls its methods. A Cluster's client follows no redirection here, for it may take but one of them along. */
  sendBoth(key: string, first: Command, second: Command): Promise<readonly unknown[]>;
}

/** How to send by this client, or undefined when it is none that is known. */
export function senderOf(client: RedisClient): Sender | undefined {
  if (typeof client !== "object" || client === null) return undefined;
  if ("call" in client) {
    return {
      send: (_key, command, ...args) => client.call(command!, args),
      async sendBoth(_key, ...commands) {
        const replies = (await client.pipeline(commands).exec()) ?? [];
        return replies.map(([error, reply]) => {
          if (error) throw error;
          return reply;
        });
      },
    };
  }
  if (!("sendCommand" in client)) return undefined;
  if ("masters" in client) {
    return nodeRedis(
      (key, command) => client.sendCommand(key, false, command),
      (key, pipeline: ReturnType<ClusterClient["multi"]>, command) => pipeline.addCommand(key, false, command),
      () => client.multi(),
    );
  }
  if ("acquire" in client) {
    return nodeRedis(
      (_key, command) => client.sendCommand(false, command),
      (_key, pipeline: ReturnType<SentinelClient["multi"]>, command) => pipeline.addCommand(false, command),
      () => client.multi(),
    );
  }
  return nodeRedis(
    (_key, command) => client.sendCommand(command),
    (_key, pipeline: ReturnType<SingleClient["multi"]>, command) => pipeline.addCommand(command),
    () => client.multi(),
  );
}

/** The three of node-redis differ in what comes before a command. */
function nodeRedis<Pipeline extends { execAsPipeline(): Promise<unknown> }>(
  send: (key: string, command: Command) => Promise<unknown>,
  add: (key: string, pipeline: Pipeline, command: Command) => unknown,
  begin: () => Pipeline,
): Sender {
  return {
    send: (key, ...command) => send(key, command),
    sendBoth(key, ...commands) {
      const pipeline = begin();
      for (const command of commands) add(key, pipeline, command);
      return pipeline.execAsPipeline() as Promise<unknown[]>;
    },
  };
}

/** Whether the client may read from replicas, which lag: an ioredis Cluster with `scaleReads`. */
export function readsFromReplicas(client: RedisClient): boolean {
  return "call" in client && "scaleReads" in client.options && client.options.scaleReads !== "master";
}
