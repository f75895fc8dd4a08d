import type { SessionsOptions } from "../index.ts";
import { createSessions, HoldfastError, isHoldfastError } from "../index.ts";

/** What is wrong, and how to mend it. `error`: visitors are at risk, or lose their sessions. */
export interface Finding {
  readonly level: "error" | "warning";
  readonly code: FindingCode;
  readonly message: string;
}

export type FindingCode =
  | "unreachable"
  | "no-cookie"
  | "plain-http"
  | "not-secure"
  | "no-prefix"
  | "prefix-broken"
  | "script-readable"
  | "no-same-site"
  | "same-site-none"
  | "domain-wide"
  | "too-large"
  | "too-long"
  | "cacheable"
  | "adopts-ids"
  | "trusts-everybody"
  | "clock"
  | "device-route"
  | "options"
  | "weak-key"
  | "memory-store"
  | "store";

export interface DoctorOptions {
  /** A page of the running app. One that begins a session shows the most: it sets the cookie. */
  url?: string;
  /** The session cookie's name, with or without its prefix. Default: as `options` says, else `sid`. */
  cookie?: string;
  /** What the app gives `createSessions`: the options are checked, and the store asked about its server. */
  options?: SessionsOptions;
  /** Whether this is how the app runs for its visitors. Default: whether `NODE_ENV` is `production`. */
  production?: boolean;
}

/** Browsers keep no cookie longer, and none of more octets in name and value (RFC 6265bis 5.5, 5.6). */
const LONGEST = 400 * 24 * 60 * 60;
const LARGEST = 4096;

/** The fewest characters that hold 32 random bytes, in base64. */
const SHORTEST_KEY = 43;

/** What no session is called. */
const NOBODYS = "A".repeat(22);

/** By how much the app's clock may differ from this one's, in ms. The Date header is in whole seconds. */
const SKEW = 10_000;

/**
 * Looks at a running app's responses, and at its store, and answers what is wrong and how to mend it: cookie attributes and prefix, caches, proxies,
 * clocks, ids that the app adopts, options that can't be, a route that they need and nobody answers, a store that fails, the settings of its server. An empty list: nothing was found.
 *
 * ```ts
 * for (const { level, message } of await doctor({ url: "https://shop.example/cart" })) console.log(level, message);
 * ```
 */
export async function doctor({
  url,
  options,
  cookie = options?.cookie?.name ?? "sid",
  production = process.env.NODE_ENV === "production",
}: DoctorOptions): Promise<Finding[]> {
  if (!url && !options) {
    const message = "doctor() has nothing to look at: give it the url of a page, the app's options, or both.";
    throw new HoldfastError("argument-invalid", message, { argument: "url" });
  }
  return [
    ...(url ? await examineApp({ url, name: withoutPrefix(String(cookie)), production, csrf: options?.csrf }) : []),
    ...(url && options?.deviceBound ? await examineDeviceRoute(url, options.deviceBound) : []),
    ...(options ? await examineStore(options, production) : []),
  ];
}

const error = (code: FindingCode, message: string): Finding => ({ level: "error", code, message });
const warning = (code: FindingCode, message: string): Finding => ({ level: "warning", code, message });

/** A page of the app, and what is known of it beforehand. */
interface Page {
  readonly url: string;
  /** The cookie's, without a prefix. */
  readonly name: string;
  readonly production: boolean;
  readonly csrf: SessionsOptions["csrf"];
}

async function examineApp(page: Page): Promise<Finding[]> {
  const found: Finding[] = [];
  try {
    await examineAnswers(page, found);
  } catch (cause) {
    found.push(
      error("unreachable", `${page.url} can't be reached: ${reason(cause)}. Start the app, or correct the URL.`),
    );
  }
  return found;
}

async function examineAnswers({ url, name, production, csrf }: Page, found: Finding[]): Promise<void> {
  const ask = (headers: Record<string, string> = {}): Promise<Response> => fetch(url, { redirect: "manual", headers });
  const response = await ask();
  const https = new URL(url).protocol === "https:";
  found.push(...examineClock(response));
  if (production && !https) {
    const message =
      "The page was asked for by plain http: whoever is on the way reads and plants cookies, and nothing can be said of Secure and the prefix. Give the https URL that visitors use.";
    found.push(warning("plain-http", message));
  }
  const line = cookieIn(response, name);
  if (!line) {
    const message = `${url} answered ${response.status} and set no cookie named ${name}. Give the URL of a page that begins a session, or the name with --cookie.`;
    found.push(warning("no-cookie", message));
    return;
  }
  found.push(...examineCookie(line, https, csrf), ...examineCaching(response));

  const planted = `${NOBODYS}.${"B".repeat(43)}`;
  const answer = cookieIn(await ask({ cookie: `${line.split("=", 1)[0]}=${planted}` }), name);
  if (answer?.includes(planted)) {
    found.push(
      error(
        "adopts-ids",
        "The app took an id that the client made up for a session's: whoever plants one is logged in with its victim (fixation). Use a library that makes every id itself.",
      ),
    );
  }
  if (!https) {
    const forwarded = cookieIn(await ask({ "x-forwarded-proto": "https" }), name);
    if (forwarded && isSecure(forwarded) && !isSecure(line)) {
      found.push(
        warning(
          "trusts-everybody",
          "The app believes X-Forwarded-Proto of whoever asks. That is right only where all requests come through a proxy of yours which sets it: close the app's own port to others.",
        ),
      );
    }
  }
}

/** What fetch says is "fetch failed"; why stands in its cause. */
function reason(failure: unknown): string {
  const { message, cause } = failure as Error;
  return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || message : message;
}

const withoutPrefix = (name: string): string => name.replace(/^__(Host|Secure)-/i, "");

/** The first Set-Cookie for a cookie of this name, with or without a prefix. */
function cookieIn(response: Response, name: string): string | undefined {
  return response.headers.getSetCookie().find((line) => withoutPrefix(line.split("=", 1)[0]!) === name);
}

const attribute = (line: string, name: string): string | undefined =>
  new RegExp(`;\\s*${name}(?:=([^;]*))?\\s*(?:;|$)`, "i")
    .exec(line)
    ?.slice(1)
    .map((value) => value ?? "")[0];
const isSecure = (line: string): boolean => attribute(line, "Secure") !== undefined;

function examineCookie(line: string, https: boolean, csrf: SessionsOptions["csrf"]): Finding[] {
  const found: Finding[] = [];
  const [name = "", value = ""] = line.split(";", 1)[0]!.split(/=(.*)/s);
  const prefix = /^__(Host|Secure)-/i.exec(name)?.[1]?.toLowerCase();
  const domain = attribute(line, "Domain");
  if (https && !isSecure(line)) {
    found.push(
      error(
        "not-secure",
        'The cookie is not Secure, though the site has https, so it travels by plain http too. If a proxy ends TLS, let it send X-Forwarded-Proto, and pass createSessions({ trustProxy: true }) or set Express\'s "trust proxy"; else set cookie.secure to "auto" or true.',
      ),
    );
  } else if (https && !prefix) {
    found.push(
      warning(
        "no-prefix",
        "The cookie's name has no prefix, so a neighbouring subdomain, or plain http, can plant one. holdfast adds __Host- by itself where cookie.domain and cookie.path are left out.",
      ),
    );
  }
  if (prefix && (!isSecure(line) || (prefix === "host" && (domain !== undefined || attribute(line, "Path") !== "/")))) {
    found.push(
      error(
        "prefix-broken",
        `Browsers drop ${name}: its prefix demands Secure, and __Host- also Path=/ and no Domain.`,
      ),
    );
  }
  if (attribute(line, "HttpOnly") === undefined) {
    found.push(
      error(
        "script-readable",
        "The cookie is not HttpOnly: any script in the page can take it away. No script needs it.",
      ),
    );
  }
  const sameSite = attribute(line, "SameSite")?.toLowerCase();
  if (sameSite === undefined) {
    found.push(
      warning(
        "no-same-site",
        'The cookie has no SameSite, so browsers differ in which of other sites\' requests carry it. Set "lax" or "strict".',
      ),
    );
  } else if (sameSite === "none" && !csrf) {
    found.push(
      warning(
        "same-site-none",
        "SameSite=None: every site can send requests as your user. If it has to be, turn on createSessions({ csrf: true }).",
      ),
    );
  }
  if (domain !== undefined) {
    found.push(
      warning(
        "domain-wide",
        `Domain=${domain}: every host under it gets the cookie and can plant one. Leave cookie.domain out unless they share sessions.`,
      ),
    );
  }
  if (new TextEncoder().encode(name + value).length > LARGEST) {
    found.push(
      error(
        "too-large",
        `The cookie has more than ${LARGEST} octets: browsers drop it. Keep data in the store, and only the id in the cookie.`,
      ),
    );
  }
  if (Number(attribute(line, "Max-Age")) > LONGEST) {
    found.push(warning("too-long", "Max-Age is more than 400 days: browsers shorten it."));
  }
  return found;
}

function examineCaching({ headers }: Response): Finding[] {
  // `private="name"` is of that header alone.
  if (/(^|,)\s*(no-store|private)\s*(,|$)/i.test(headers.get("cache-control") ?? "")) return [];
  return [
    error(
      "cacheable",
      "The response that sets the cookie may be stored by shared caches, which would give its id to others. Send Cache-Control: no-store with it, as holdfast does by itself, and let no proxy take it off.",
    ),
  ];
}

/** Asks as a browser that holds a key for a session which there isn't. */
async function examineDeviceRoute(url: string, bound: NonNullable<SessionsOptions["deviceBound"]>): Promise<Finding[]> {
  const path = typeof bound === "string" ? bound : bound.path;
  const headers = { "sec-secure-session-id": NOBODYS };
  const route = URL.parse(path, url);
  const answer = route && (await fetch(route, { method: "POST", redirect: "manual", headers }).catch(() => undefined));
  // Who can't be reached, was told of.
  if (!answer || answer.status === 401) return [];
  const message = `POST ${path} answers ${answer.status}, so browsers bind no session to its device. Give that route to nodeDeviceBinding(sessions) or fetchDeviceBinding(sessions), before whatever else may answer it.`;
  return [error("device-route", message)];
}

function examineClock({ headers }: Response): Finding[] {
  const off = Date.parse(headers.get("date") ?? "") - Date.now();
  if (!(Math.abs(off) > SKEW)) return [];
  return [
    warning(
      "clock",
      `The app's clock differs from this one's by ${Math.round(off / 1000)} s: timeouts are off by as much. Let both take their time from NTP.`,
    ),
  ];
}

/** A text that is too short for 32 random bytes, or has spaces as words do, was thought up. */
function examineKeys(keys: NonNullable<SessionsOptions["keys"]>): Finding[] {
  const weak = [keys].flat().some((key) => typeof key === "string" && (key.length < SHORTEST_KEY || key.includes(" ")));
  if (!weak) return [];
  const message =
    "One of the keys looks like a password: 32 random bytes are 43 characters or more (`openssl rand -base64 32`). Put such a key before it, and take it out when the sessions stored under it are over.";
  return [warning("weak-key", message)];
}

async function examineStore(options: SessionsOptions, production: boolean): Promise<Finding[]> {
  const { store, keys } = options;
  const found: Finding[] = [];
  try {
    // Checks the options; begins nothing before the first request.
    const sessions = createSessions(options);
    if (keys) found.push(...examineKeys(keys));
    // Reads, within the deadline: not every store notices by its settings that its server is down, or its table missing.
    await sessions.revoke(NOBODYS, { userId: "nobody" });
    const problems = (await store.problems?.()) ?? [];
    const asFinding = (message: string): Finding =>
      /process's memory/.test(message)
        ? (production ? error : warning)("memory-store", message)
        : warning("store", message);
    return [...found, ...problems.map(asFinding)];
  } catch (cause) {
    if (!isHoldfastError(cause)) return [...found, error("store", `The store fails: ${(cause as Error).message}`)];
    if (cause.code.startsWith("option-")) return [error("options", cause.message)];
    return [...found, error("store", `The store fails: ${because(cause)}`)];
  }
}

/** What holdfast says of the failure, and what the driver said. */
function because({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
