const NAMESPACE = "express-session";
const told = new Set<string>();

/**
 * Says that something will go, where code written for express-session looks for it: to listeners of the process's `deprecation` event, else on
 * stderr, unless NO_DEPRECATION names express-session or Node was started with --no-deprecation. Once for each place that calls `api`, the
 * function of ours that the app knows.
 */
export function deprecate(message: string, api: (...args: never[]) => unknown = deprecate): void {
  // Not among the events that Node's types know: the "depd" package made it up.
  const listeners = process as NodeJS.EventEmitter;
  const isHeard = listeners.listenerCount("deprecation") > 0;
  if (!isHeard && isSilenced()) return;
  const notice = Object.assign(new Error(message), { name: "DeprecationError", namespace: NAMESPACE });
  Error.captureStackTrace(notice, api);
  const [, place = ""] = /\n +at (?:.* \()?(.*?)\)?$/m.exec(notice.stack ?? "") ?? [];
  const once = `${message} ${place}`;
  if (told.has(once)) return;
  told.add(once);
  if (isHeard) listeners.emit("deprecation", notice);
  else process.stderr.write(`${new Date().toUTCString()} ${NAMESPACE} deprecated ${message} at ${place}\n`);
}

function isSilenced(): boolean {
  const silenced = (process.env.NO_DEPRECATION ?? "").toLowerCase().split(/[ ,]+/);
  return Boolean(process.noDeprecation) || silenced.includes("*") || silenced.includes(NAMESPACE);
}
