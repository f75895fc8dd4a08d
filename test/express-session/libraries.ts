import original, { type Session, type SessionData } from "express-session";
import dropIn from "holdfast/express-session";

export type Library = typeof original;

/**
 * What every test of this folder runs with: the original, which shows that the test is right, and the drop-in, which has to do the
 * same.
 */
export const libraries: readonly (readonly [name: string, library: Library])[] = [
  ["express-session", original],
  ["holdfast/express-session", dropIn as unknown as Library],
];

export { original };

/** `request.session` by the types of express-session; by itself it has those of `holdfast/express`, which other tests import. */
export const sessionOf = (request: object): Session & Partial<SessionData> =>
  (request as { session: Session & Partial<SessionData> }).session;
