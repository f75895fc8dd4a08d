import { HoldfastError } from "../errors.ts";

/** Two session middlewares on one route. */
export function sessionTaken(): HoldfastError<"session-taken"> {
  return new HoldfastError(
    "session-taken",
    "The request has a session already, by another session middleware. Let only one of them handle a route.",
    {},
  );
}

/** A session that is asked for when its cookie can't leave any more. */
export function openedLate(): HoldfastError<"headers-sent"> {
  const message = "The session was opened after the response's headers had left. Open it before the first write.";
  return new HoldfastError("headers-sent", message, {});
}
