const warned = new Set<string>();

/** Tells whoever runs the app what is wrong with it, once. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  console.warn(`holdfast/express-session: ${message}`);
}
