/** What the store needs of a client. Drivers are told apart by their methods, and none is imported. */
export type RedisClient = CallClient | SingleClient | SentinelClient | ClusterClient;

/** ioredis and iovalkey: a single server, Sentinel or Cluster. */
interface CallClient {
  call(command: string, args: string[]): Promise<unknown>;
  readonly options: object;
}

/** node-redis, one server. */
interface SingleClient {
  sendCommand(args: string[]): Promise<unknown>;
}

/** node-redis through Sentinel. */
interface SentinelClient {
  sendCommand(isReadonly: boolean, args: string[]): Promise<unknown>;
  acquire(): Promise<unknown>;
}

/** node-redis Cluster. */
interface ClusterClient {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
  readonly masters: readonly unknown[];
}

/** Sends one command to the primary that has the key. */
export type Send = (key: string, command: string, ...args: string[]) => Promise<unknown>;

/** How this client sends a command, or undefined when it is none that is known. */
export function sender(client: RedisClient): Send | undefined {
  if (typeof client !== "object" || client === null) return undefined;
  if ("call" in client) return (_key, command, ...args) => client.call(command, args);
  if (!("sendCommand" in client)) return undefined;
  if ("masters" in client) return (key, ...args) => client.sendCommand(key, false, args);
  if ("acquire" in client) return (_key, ...args) => client.sendCommand(false, args);
  return (_key, ...args) => client.sendCommand(args);
}

/** Whether the client may read from replicas, which lag: an ioredis Cluster with `scaleReads`. */
export function readsFromReplicas(client: RedisClient): boolean {
  return "call" in client && "scaleReads" in client.options && client.options.scaleReads !== "master";
}
