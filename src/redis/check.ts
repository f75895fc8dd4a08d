import type { Sender } from "./client.ts";

/** By how much the server's clock may be ahead before sessions end early, in ms. */
const SKEW = 5000;

/** Settings of the server that can lose sessions, and its clock, by which it clears them away. A managed server may refuse to tell: then there are none. */
export async function check(send: Sender["send"], key: string): Promise<readonly string[]> {
  const [memory, persistence, time, save] = await Promise.all(
    [
      // Within a script, which a Cluster can route by its key.
      () => send(key, "EVAL", "return redis.call('INFO', 'memory')", "1", key),
      () => send(key, "EVAL", "return redis.call('INFO', 'persistence')", "1", key),
      () => send(key, "EVAL", "return redis.call('TIME')[1]", "1", key),
      () => send(key, "CONFIG", "GET", "save"),
    ].map((ask) => ask().catch(() => undefined)),
  );
  const policy = setting(memory, "maxmemory_policy");
  const found: string[] = [];
  if (Number(setting(memory, "maxmemory")) > 0 && policy !== "noeviction")
    found.push(
      `This Redis server evicts keys when its memory is full (maxmemory-policy ${policy}): sessions may end early, and the index of a user's sessions may vanish. ` +
        'Set "noeviction", and watch its memory.',
    );
  if (setting(persistence, "aof_enabled") === "0" && valueIn(save, "save") === "")
    found.push(
      "This Redis server keeps nothing on disk (appendonly no, save empty): a restart ends all sessions. Set appendonly yes.",
    );
  const ahead = Number(time) * 1000 - Date.now();
  if (ahead > SKEW)
    found.push(
      `The clock of this Redis server is ${Math.round(ahead / 1000)} s ahead of this process's: sessions end early by as much. Let all machines take their time from NTP.`,
    );
  return found;
}

const setting = (info: unknown, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(String(info))?.[1];

/** CONFIG GET answers a list in RESP2; in RESP3 a Map or an object, as the client likes. */
function valueIn(reply: unknown, name: string): string | undefined {
  if (Array.isArray(reply)) return reply.length === 2 ? String(reply[1]) : undefined;
  if (reply instanceof Map) return reply.get(name);
  return (reply as Record<string, string> | undefined)?.[name];
}
