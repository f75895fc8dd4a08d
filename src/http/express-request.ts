declare global {
  namespace Express {
    /** What `req.session` is by each middleware of holdfast's that the program imports: an app that moves from one to the other imports both. */
    interface HoldfastSessions {}
  }
}

/** `req.session`: all that the middlewares make of it. */
export type RequestSession = All<Express.HoldfastSessions[keyof Express.HoldfastSessions]>;

/** The intersection of a union's members. */
type All<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer Both) => void
  ? Both
  : never;
