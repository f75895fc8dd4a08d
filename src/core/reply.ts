import { HoldfastError } from "../errors.ts";
import type { SessionRecord } from "../store.ts";
import type { Context } from "./context.ts";
import { hasDeviceCookie, noProof, registrationHeader } from "./device.ts";
import type { SessionId } from "./id.ts";
import { cookieEnd } from "./lifetime.ts";
import type { Withheld } from "./lookup.ts";
import type { IdEdit, Received, RequestHead } from "./transport.ts";

/** What an adapter does to the response's headers before they leave. */
export interface HeaderEdits {
  /** A Set-Cookie to append; then `Cache-Control: no-store` too, unless the app said that or `private`, or `cacheable` is there. */
  readonly setCookie?: string | undefined;
  /** A header to set in place of a cookie, for a client that has none. `Cache-Control` as with a cookie. */
  readonly setHeader?: readonly [name: string, value: string] | undefined;
  /**
   * Headers to append beside the id's, and only there: what the browser is to clear (Clear-Site-Data, and a Set-Cookie for the device's cookie), or where it may
   * register its device (Secure-Session-Registration).
   */
  readonly beside?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Leave what caches may do to the app, though there is a cookie. */
  readonly cacheable?: true;
  /** What to add to Vary, where the response depends on the session: `Cookie`. */
  readonly vary?: string | undefined;
}

const NO_EDIT: IdEdit = {};

/** What a browser may have of a site (W3C Clear Site Data). */
const EVERYTHING = '"cache", "cookies", "storage"';

/** What the response is to tell the client of its id. */
export class Reply {
  readonly #context: Context;
  readonly #head: RequestHead;
  readonly #received: Received;
  /** Why what the client has is to stay, unless it logs in: the session may be its own all the same. */
  readonly #withheld: Withheld | undefined;
  #id: "keep" | "set" | "clear" = "keep";
  #challenge: string | undefined;
  /** Whether the headers have left, and with them the last chance to send anything. */
  #left = false;

  constructor(context: Context, head: RequestHead, received: Received, withheld: Withheld | undefined) {
    this.#context = context;
    this.#head = head;
    this.#received = received;
    this.#withheld = withheld;
  }

  get hasLeft(): boolean {
    return this.#left;
  }

  /** Whether the client is to get an id. */
  get givesId(): boolean {
    return this.#id === "set";
  }

  get isByCookie(): boolean {
    return !this.#received.isBearer;
  }

  /** Throws where the client can be given nothing, or would not come back with it. */
  assertOpen(): void {
    this.#received.check?.();
    if (!this.#left) return;
    throw new HoldfastError(
      "headers-sent",
      "A session can't begin or get a new id after the response's headers have left, nor in a socket: its cookie goes with them. Do it in a request, before the first write.",
      {},
    );
  }

  /** The client gets the session's id, also where it has it already: then its cookie's end has moved. */
  give(): void {
    this.#id = "set";
  }

  /** The client gets the id of a session that begins with this request. */
  giveNew({ userId }: Pick<SessionRecord, "userId">): void {
    // A late request must not undo the login that overtook it: what it begins, its client need not know again.
    this.#id = this.#withheld && userId === undefined ? "keep" : "set";
  }

  /** The client's id is worth nothing any more, or its user said so. But not the newer one that it has, or will have soon, where another request overtook this one. */
  takeBack(): void {
    this.#id = this.#received.presented && this.#withheld !== "overtaken" ? "clear" : "keep";
  }

  /** The client's browser may register its device, by answering this challenge. */
  askForDevice(challenge: string): void {
    this.#challenge = challenge;
  }

  /** The headers leave, or nothing ever will. */
  leave(): void {
    this.#left = true;
  }

  /** What the headers are to say. `isPersistent` tells whether the id is to outlive the browser. */
  edits(
    live: { readonly id: SessionId; readonly record: SessionRecord } | undefined,
    isPersistent: boolean,
    wasRead: boolean,
  ): HeaderEdits {
    this.#left = true;
    const { setCookie, setHeader } = this.#idEdit(live, isPersistent);
    return { setCookie, setHeader, beside: this.#beside(), vary: wasRead ? this.#received.vary : undefined };
  }

  #idEdit(live: Parameters<Reply["edits"]>[0], isPersistent: boolean): IdEdit {
    if (this.#id === "clear") return this.#received.clear();
    if (this.#id === "keep" || !live) return NO_EDIT;
    const { settings, check } = this.#context;
    const end = isPersistent ? cookieEnd(live.record, settings.limits) - Date.now() : undefined;
    const edit = this.#received.set(live.id, end);
    if (edit.setCookie !== undefined) check(this.#head);
    return edit;
  }

  #beside(): HeaderEdits["beside"] {
    const { clearSiteData, deviceBound } = this.#context.settings;
    if (this.#id === "set" && this.#challenge !== undefined) return [registrationHeader(deviceBound!, this.#challenge)];
    if (this.#id !== "clear") return undefined;
    const headers: (readonly [string, string])[] = [];
    if (clearSiteData) headers.push(["Clear-Site-Data", EVERYTHING]);
    if (deviceBound && hasDeviceCookie(this.#head, deviceBound)) headers.push(["Set-Cookie", noProof(deviceBound)]);
    return headers.length > 0 ? headers : undefined;
  }
}
