/** Resolves the promise of the page /late. */
export const late = Promise.withResolvers<void>();
