import { publisher } from "#diagnostics";
import { HoldfastError } from "../errors.ts";
import { isPending } from "./after.ts";

/**
 * What happens to sessions. Payloads name a session by its handle; no id, secret or data is in them. Each is published to the channel `holdfast:NAME` of
 * node:diagnostics_channel too, where there is one.
 */
export interface SessionEvents {
  /** A session was stored for the first time. */
  created: { handle: string };
  /** A request came with a live session's id. */
  loaded: { handle: string };
  /** A session got a new id, at a login or by `regenerate()`. */
  rotated: { handle: string };
  /** A browser registered its device's key for the session: see `deviceBound`. */
  bound: { handle: string };
  /** A handler ended the session of its request. */
  destroyed: { handle: string };
  /**
   * A request came with the id of a session that is over by timeouts which became shorter since it was stored. One that ended by the timeouts it was stored with
   * is served by no store any more, and comes as `rejected`, `unknown`.
   */
  expired: { handle: string };
  /** A session was ended from outside, by `revoke` or `revokeAll`. */
  revoked: { handle: string };
  /** A session was ended by a later login of its user, as `maxPerUser` says. */
  evicted: { handle: string };
  /**
   * A request came with an id that opens nothing: `malformed` is no id at all, `unknown` has no live record (it ended, by a logout or by time, or never was), `wrong-secret` does not fit its
   * record, `superseded` was replaced and came back (a stolen copy, or a request that was long under way), `unproven` is of a session that is bound to a device
   * which the request does not show to be its own (a stolen copy, or a browser that lost its key), `wrong-proof` was sent for such a session, or to bind one, and is none (by whoever
   * knows the handle), `corrupt` has a record, or an entry in it, that can't be read.
   */
  rejected: {
    reason: "malformed" | "unknown" | "wrong-secret" | "superseded" | "unproven" | "wrong-proof" | "corrupt";
    handle?: string;
  };
  /** A store's operation failed or took too long. */
  storeError: { operation: string; error: unknown };
}

// As an object, so that TypeScript misses none.
const ALL: Readonly<Record<keyof SessionEvents, true>> = {
  created: true,
  loaded: true,
  rotated: true,
  bound: true,
  destroyed: true,
  expired: true,
  revoked: true,
  evicted: true,
  rejected: true,
  storeError: true,
};

/** The names of all of them. */
export const EVENTS = Object.keys(ALL) as readonly (keyof SessionEvents)[];

/** May be asynchronous: nobody waits for it, and where it throws or rejects, that is logged. */
export type EventListener<Name extends keyof SessionEvents> = (event: SessionEvents[Name]) => unknown;

type Listeners = { readonly [Name in keyof SessionEvents]: Set<EventListener<Name>> };

export interface Emitter {
  /** Calls `listener` at each event of this name. Answers the function that ends it. */
  on<Name extends keyof SessionEvents>(name: Name, listener: EventListener<Name>): () => void;
  emit<Name extends keyof SessionEvents>(name: Name, event: SessionEvents[Name]): void;
}

export function createEmitter(): Emitter {
  const listeners = Object.fromEntries(EVENTS.map((name) => [name, new Set()])) as Listeners;
  const publishers = Object.fromEntries(EVENTS.map((name) => [name, publisher(name)]));
  return {
    on(name, listener) {
      if (!listeners[name]) throw unknownEvent(name, EVENTS);
      listeners[name].add(listener);
      return () => void listeners[name].delete(listener);
    },
    emit(name, event) {
      publishers[name]!(event);
      for (const listener of listeners[name]) {
        try {
          const watching = listener(event);
          if (isPending(watching)) watching.then(undefined, (error) => report(name, error));
        } catch (error) {
          report(name, error);
        }
      }
    },
  };
}

/** A listener watches: it must not fail the request, nor end the process by a rejection that nobody handles. */
function report(name: string, error: unknown): void {
  console.error(`holdfast: a listener of "${name}" threw`, error);
}

function unknownEvent(name: string, known: readonly string[]): HoldfastError<"argument-invalid"> {
  return new HoldfastError("argument-invalid", `There is no event "${name}": there are ${known.join(", ")}.`, {
    argument: "name",
  });
}
