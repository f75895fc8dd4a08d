const GUARDED = /^\s*(private|no-store)\s*$/i;

/** Whether a Cache-Control of the app's own keeps an id beside it from shared caches, which would give it to others. `express.static` says `public` by itself. */
export function isPrivate(cacheControl: string): boolean {
  return cacheControl.split(",").some((directive) => GUARDED.test(directive));
}
