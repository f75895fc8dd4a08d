const NAMESPACE = "express-session";
const told = new Set<string>();

/**
 * Says once that something will go, where code written for express-session looks for it: to listeners of the process's `deprecation` event, else
 * on stderr, unless NO_DEPRECATION names express-session.
 */
export function deprecate(message: string): void {
  if (told.has(message)) return;
  told.add(message);
  const silenced = (process.env.NO_DEPRECATION ?? "").split(/[ ,]+/);
  if (silenced.includes("*") || silenced.includes(NAMESPACE)) return;
  const notice = Object.assign(new Error(message), { name: "DeprecationError", namespace: NAMESPACE });
  // Not among the events that Node's types know: the "depd" package made it up.
  if ((process as NodeJS.EventEmitter).emit("deprecation", notice)) return;
  process.stderr.write(`${new Date().toUTCString()} ${NAMESPACE} deprecated ${message}\n`);
}
