import { candidates } from "../core/cookie.ts";
import type { Transport } from "../core/transport.ts";
import { HoldfastError } from "../errors.ts";
import { refuseUnknown } from "./check-options.ts";
import { Cookie, type CookieOptions } from "./cookie.ts";
import { sessionIdOf, sidOf } from "./id.ts";
import { signedIds } from "./request.ts";
import { type Secret, secretKeys, sign } from "./signature.ts";

export interface ExpressTransportOptions {
  /** The `secret` of express-session. Of a list, the first signs, and all verify. */
  secret: Secret | Secret[];
  /** The cookie's name. Default: `connect.sid`. */
  name?: string;
  /**
   * The `cookie` option of express-session. Its `maxAge` keeps the cookie for so long from the session's beginning, or its last login. Use doesn't move
   * it, so let it be as long as `absolute`; the server knows of `idle`.
   */
  cookie?: CookieOptions;
}

/**
 * Lets `createSessions` read and write the cookies of express-session, so that both can run in one app, on the same rows, while it moves:
 *
 * ```ts
 * const secret = "keyboard cat";
 * const store = sqliteStore("sessions.db");
 * const sessions = createSessions({ store, transport: expressTransport({ secret }) });
 * const before = session({ store: toExpressStore(store), secret, resave: false, saveUninitialized: false });
 * ```
 *
 * Give it the `secret`, `name` and `cookie` that express-session has. Throws `option-invalid` without a secret, and a TypeError for attributes that no
 * cookie can have.
 */
export function expressTransport(options: ExpressTransportOptions): Transport {
  const { secret, name = "connect.sid", cookie = {} } = options;
  refuseUnknown("expressTransport", options, ["secret", "name", "cookie"]);
  const keys = secretKeys(secret);
  if (keys.length === 0) {
    const message = "expressTransport needs the secret that express-session signs its cookies with.";
    throw new HoldfastError("option-invalid", message, { option: "secret" });
  }

  function write(value: string, https: boolean, expires: Date | null): string {
    const written = new Cookie(cookie);
    written.expires = expires;
    if (cookie.secure === "auto") written.secure = https;
    if (cookie.sameSite === "auto") written.sameSite = https ? "none" : "lax";
    return written.serialize(name, value);
  }
  const dateIn = (ms: number | undefined): Date | null => (typeof ms === "number" ? new Date(Date.now() + ms) : null);
  write("", true, null);

  return {
    receive(head, https) {
      const header = head.header("cookie");
      return {
        ids: signedIds(header, name, keys).map(sessionIdOf),
        presented: candidates(header, name).length > 0,
        vary: "Cookie",
        set: (id, maxAge) => ({ setCookie: write(sign(sidOf(id), keys), https, dateIn(maxAge ?? cookie.maxAge)) }),
        clear: () => ({ setCookie: write("", https, new Date(0)) }),
      };
    },
  };
}
