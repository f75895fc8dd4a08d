import { HoldfastError } from "../errors.ts";
import type { Change, SessionRecord } from "../store.ts";
import { encode } from "./codec.ts";
import type { Context } from "./context.ts";
import { setCookie } from "./cookie.ts";
import { isOwnOrigin, originOf } from "./csrf.ts";
import {
  BINDING,
  type Binding,
  challengeOf,
  type DeviceBound,
  isAnsweredBy,
  isBinding,
  isChallenge,
  isRegistration,
  prove,
  REGISTRATION,
  readEntry,
} from "./device.ts";
import { isHandle } from "./id.ts";
import { type DeviceJwt, isSignedBy, keyOf, parseJwt } from "./jwt.ts";
import { isLive } from "./lifetime.ts";
import { isSession, type Lookup } from "./lookup.ts";
import { versionsBroken } from "./misuse.ts";
import type { RequestHead } from "./transport.ts";

/** What a browser is answered that registers its device, or proves it. */
export interface DeviceAnswer {
  readonly status: 200 | 401 | 403 | 405;
  /** By name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** No redirect, and nothing that says why: the browser gives the binding up, and its user logs in again where there was one. */
const REFUSED = answer(401);

/** So many times other requests can be quicker, within one proof. */
const MAX_ATTEMPTS = 100;

/**
 * The server's side of W3C Device Bound Session Credentials (draft of 2026-02-17). A key is registered once for a session, by the challenge of its login's response, and
 * pinned; from then on it alone proves the device. Nothing that a stranger sends here ends or changes a session.
 */
export function createDeviceBinding(
  { settings, emit, call }: Context,
  device: DeviceBound,
  lookUp: Lookup,
): (head: RequestHead) => Promise<DeviceAnswer> {
  const { store, transport, limits, serializer } = settings;

  /** A browser's first JWT, to the login's challenge. It names no session: the cookie does. */
  async function register(head: RequestHead): Promise<DeviceAnswer> {
    const found = await lookUp(head, receive(head).ids);
    if (typeof found === "object" && "failure" in found) throw found.failure;
    if (!isSession(found)) return REFUSED;
    const { handle } = found.id;
    const jwt = parseJwt(head.header("secure-session-response"));
    const key = jwt && keyOf(jwt);
    if (!key || !isFor(head, jwt) || !(await isSignedBy(key, jwt))) return refuse(handle);
    return swap(handle, found.record, async (record) => {
      const now = Date.now();
      const asked = readEntry(serializer, record.entries, REGISTRATION, isRegistration);
      if (!asked || asked === "unreadable" || !(await isAnsweredBy(asked, jwt.jti, now))) return refuse(handle);
      const { binding, proof } = await prove(key, undefined, device, now);
      return { binding, remove: [REGISTRATION], reply: () => registered(handle, binding, proof) };
    });
  }

  async function registered(handle: string, binding: Binding, proof: string): Promise<DeviceAnswer> {
    emit("bound", { handle });
    const { name, attributes } = device.cookie;
    const body = JSON.stringify({
      session_identifier: handle,
      refresh_url: device.path,
      // Or who comes back by another site's link, after a while, is nobody: browsers would not ask for a proof first.
      allowed_refresh_initiators: ["*"],
      scope: { include_site: false },
      credentials: [{ type: "cookie", name, attributes: attributes.replace("; ", "") }],
    });
    const { status, headers } = await proven(handle, binding, proof);
    return { status, headers: { ...headers, "Content-Type": "application/json" }, body };
  }

  /** A device proves again that it has the key. It names the session by its handle; a cookie may be there or not, for browsers keep bindings longer than some cookies. */
  async function refresh(head: RequestHead, handle: string): Promise<DeviceAnswer> {
    const { ids } = receive(head);
    // The browser has another session by now: a proof of this one would take the place of that one's.
    if (ids.length > 0 && ids.every((id) => id.handle !== handle)) return REFUSED;
    const text = head.header("secure-session-response");
    const jwt = parseJwt(text);
    return swap(handle, await read(handle), async (record) => {
      const before = readEntry(serializer, record.entries, BINDING, isBinding);
      if (!before) return REFUSED;
      // Not refused, or the keys of one wrong deploy would cost browsers their bindings.
      if (before === "unreadable") throw unreadable(handle);
      const now = Date.now();
      if (text === undefined) return challenged(handle, before);
      // A key that comes along here is nobody's: the pinned one counts.
      if (!jwt || jwt.jwk !== undefined || !isFor(head, jwt) || !(await isSignedBy(before, jwt))) return refuse(handle);
      // Perhaps a browser's own, which an overlapping proof overtook.
      if (!(await isChallenge(before, jwt.jti, device, now))) return challenged(handle, before);
      const { binding, proof } = await prove(before, before, device, now);
      return { binding, reply: () => proven(handle, binding, proof) };
    });
  }

  function refuse(handle: string): DeviceAnswer {
    emit("rejected", { reason: "wrong-proof", handle });
    return REFUSED;
  }

  async function challenged(handle: string, binding: Binding): Promise<DeviceAnswer> {
    return answer(403, await challenge(handle, binding));
  }

  async function proven(handle: string, binding: Binding, proof: string): Promise<DeviceAnswer> {
    const { name, attributes } = device.cookie;
    const cookie = setCookie(name, proof, attributes, device.lifetime);
    return answer(200, { "Set-Cookie": cookie, ...(await challenge(handle, binding)) });
  }

  async function challenge(handle: string, binding: Binding): Promise<DeviceAnswer["headers"]> {
    const text = await challengeOf(binding, device, Date.now());
    return { "Secure-Session-Challenge": `"${text}";id="${handle}"` };
  }

  /**
   * Puts the binding that `next` makes of the record in its place, unless another request changed the record meanwhile: then `next` has another look. A proof is no use
   * of the session: its times stay, for the request that waits for the proof will count.
   */
  async function swap(
    handle: string,
    found: SessionRecord | undefined,
    next: (record: SessionRecord) => Promise<DeviceAnswer | Proven>,
  ): Promise<DeviceAnswer> {
    let record = found;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (!record || !isLive(record, limits, Date.now())) return REFUSED;
      const made = await next(record);
      if (!("binding" in made)) return made;
      const { secretHash, version, touchedAt, expiresAt } = record;
      const set = new Map([[BINDING, encode(serializer, BINDING, made.binding)]]);
      const change: Change = { set, remove: made.remove ?? [], touchedAt, expiresAt };
      const { status } = await call("update", () => store.update(handle, change, { secretHash, ifVersion: version }));
      if (status === "updated") return made.reply();
      record = await read(handle);
    }
    throw versionsBroken(MAX_ATTEMPTS, "a device's proof");
  }

  const read = (handle: string) => call("read", () => store.read(handle));

  /** Device-bound sessions are of https alone, whatever a proxy before the app says. */
  const receive = (head: RequestHead) => transport.receive(head, true);

  /** Whether the JWT is for this endpoint, where it says for which; and the request of a page of the site itself, where it says of which. */
  function isFor(head: RequestHead, { aud }: DeviceJwt): boolean {
    if (originOf(head, []) === "other") return false;
    if (aud === undefined) return true;
    return [aud].flat().some((url) => {
      return typeof url === "string" && isOwnOrigin(head, url) && URL.parse(url)?.pathname === device.path;
    });
  }

  return async (head) => {
    if (head.method !== "POST") return answer(405, { Allow: "POST" });
    const handle = head.header("sec-secure-session-id")?.replace(/^"(.*)"$/, "$1");
    if (handle === undefined) return register(head);
    return isHandle(handle) ? refresh(head, handle) : REFUSED;
  };
}

function unreadable(handle: string): HoldfastError<"record-corrupt"> {
  const message = `The device binding of session ${handle} can't be read: it was written under other keys, or somebody wrote into it. Bring back the keys, or revoke the session.`;
  return new HoldfastError("record-corrupt", message, { handle });
}

/** A binding that is to be stored, and the answer once it is. */
interface Proven {
  readonly binding: Binding;
  readonly remove?: readonly string[];
  readonly reply: () => Promise<DeviceAnswer>;
}

function answer(status: DeviceAnswer["status"], headers: DeviceAnswer["headers"] = {}): DeviceAnswer {
  return { status, headers: { ...headers, "Cache-Control": "no-store" }, body: "" };
}
