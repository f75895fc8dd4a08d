const GUARDED = /^\s*(private|no-store)\s*$/i;

/** What Cache-Control says beside an id: the app's own word, but for one by which shared caches would keep the id, and give it to others. */
export function guarded(own = ""): string {
  return own.split(",").some((directive) => GUARDED.test(directive)) ? own : "no-store";
}
