/**
 * The one list of what holdfast throws, by who must act. `docs/errors.md` has a heading for each code.
 *
 * - options: the developer, when the app starts
 * - usage: the developer, in a handler
 * - policy: the app's client, with a new request
 * - store: the operator
 */
export interface ErrorDetails {
  /** An option that does not exist; `meant` is the nearest one that does. */
  "option-unknown": { option: string; meant?: string };
  /** An option's value is not one it takes. */
  "option-invalid": { option: string };
  /** Two options, or an option and a rule of cookies, exclude each other. */
  "option-conflict": { options: readonly string[] };

  /** An entry's value has no JSON text: a BigInt, a cycle, a function, a Map … */
  "entry-unserializable": { entry: string; path: string };
  /** The entry's name belongs to holdfast. */
  "entry-reserved": { entry: string };
  /** An entry was set on the session itself, not on its `data`. */
  "entry-misplaced": { entry: string };
  /** The session was changed after the headers had left, and not saved. */
  "headers-sent": Record<string, never>;
  /** The session was changed in a place from where nothing can be sent to its client: Next's server components. */
  "session-read-only": Record<string, never>;
  /** The request's path lies outside of `cookie.path`: the client would never come back with the session's cookie. */
  "outside-cookie-path": { path: string };
  /** `req.session` is already another library's: two session middlewares on one route. */
  "session-taken": Record<string, never>;
  /** A handler asked for a session where no middleware had given the request one. */
  "session-missing": Record<string, never>;
  /** A method was called with an argument it does not take. */
  "argument-invalid": { argument: string };

  /** The session ended, or got a new id, while this request was under way; what the request changed was not saved. */
  "session-gone": { handle: string };
  /** Nobody is logged in, or not lately enough for what is asked. `maxAge` in ms. */
  "login-required": { maxAge: number; authenticatedAt?: number };
  /** Another site's page sent the request, or its origin can't be told and no token came. */
  "cross-site-request": Record<string, never>;
  /** The user has as many sessions as `maxPerUser` allows. */
  "too-many-sessions": { sessions: number };

  /** The store threw; see `cause`. */
  "store-failed": { operation: string };
  /** The store did not answer within `timeout` ms. */
  "store-timeout": { operation: string; timeout: number };
  /** Another process holds the database's lock. */
  "store-locked": { operation: string };
  /** The database can't be written to. */
  "store-readonly": { operation: string };
  /** The disk, or the database's own limit, is full. */
  "store-full": { operation: string };
  /** The file is damaged or not a database, or its schema is not one this version knows. */
  "store-corrupt": { operation: string };
  /** This record can't be read; the others can. Not thrown at a request: the session is rejected, and a fresh one begins. */
  "record-corrupt": { handle: string };
  /** The store was closed before. */
  "store-closed": { operation: string };
}

export type ErrorCode = keyof ErrorDetails;

/** Of what the client can mend; the others by who must act. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  "session-gone": 409,
  "login-required": 401,
  "too-many-sessions": 409,
  "cross-site-request": 403,
};

const BRAND = Symbol.for("holdfast.error");

/**
 * Every error that holdfast throws. Tell it by {@link isHoldfastError} and `code`, not by `instanceof`: two copies of the package may
 * meet in one process. `status` is the HTTP status that fits, for error handlers that look at it (Express, Koa, Fastify do): 401 for
 * `login-required`, 403 for `cross-site-request`, 409 for `session-gone` and `too-many-sessions`, 503 for the store's, else 500. No message ever holds a session id or an entry's value.
 */
export class HoldfastError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "HoldfastError";
  readonly code: Code;
  readonly details: ErrorDetails[Code];
  readonly status: number;

  constructor(code: Code, message: string, details: ErrorDetails[Code], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
    this.status = STATUS[code] ?? (code.startsWith("store-") ? 503 : 500);
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The same as `status`, by the name that Fastify's error handlers look for. */
  get statusCode(): number {
    return this.status;
  }

  /** By the convention of http-errors, which Nest's exception layer keeps to: the client is to be told the status, and not the message. */
  get expose(): false {
    return false;
  }
}

/** A {@link HoldfastError} whose `details` are typed by its `code`. */
export type AnyHoldfastError = { [Code in ErrorCode]: HoldfastError<Code> }[ErrorCode];

/**
 * Whether the value is an error of holdfast's, from any copy of the package.
 *
 * ```ts
 * const tryAgain: ErrorRequestHandler = (error, _req, res, next) => {
 *   if (!isHoldfastError(error) || error.code !== "session-gone") return next(error);
 *   res.status(409).send("Please try again.");
 * };
 * ```
 */
export function isHoldfastError(value: unknown): value is AnyHoldfastError {
  return typeof value === "object" && value !== null && BRAND in value;
}
