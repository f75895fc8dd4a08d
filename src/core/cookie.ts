/** What a Set-Cookie says beside the value. Checked at construction by `options.ts`; fit to be written as it is. */
export interface CookieAttributes {
  readonly domain?: string;
  readonly path: string;
  readonly sameSite: "strict" | "lax" | "none";
  readonly partitioned: boolean;
  readonly priority?: "low" | "medium" | "high";
}

/** Browsers keep no cookie longer (RFC 6265bis 5.5), in seconds. */
const MAX_AGE = 400 * 24 * 60 * 60;

/**
 * The values of all cookies of this name in a Cookie header, in its order: a browser that holds several (other paths, a parent domain) sends
 * each, and the first may be stale or planted. Linear in the header's length.
 */
export function candidates(header: string | undefined, name: string): string[] {
  // Made by its first value: an empty list that grows takes room for seventeen at once.
  let found: string[] | undefined;
  if (!header) return [];
  let equals = -1;
  for (let start = 0; start < header.length; ) {
    if (equals < start) equals = header.indexOf("=", start);
    if (equals < 0) break;
    const semicolon = header.indexOf(";", start);
    const end = semicolon < 0 ? header.length : semicolon;
    if (equals < end && isName(header, start, equals, name)) {
      const value = trim(header, equals + 1, end);
      if (found) found.push(value);
      else found = [value];
    }
    start = end + 1;
  }
  return found ?? [];
}

/** Whether a request's path is a cookie's or lies below it, segment by segment (RFC 6265bis 5.1.4). */
export function isBelow(pathname: string, path: string): boolean {
  if (!pathname.startsWith(path)) return false;
  return pathname.length === path.length || path.endsWith("/") || pathname[path.length] === "/";
}

/** The Set-Cookie that gives the client its id; a memory cookie unless it is to live on for `maxAge` ms. */
export function setCookie(name: string, value: string, attributes: string, maxAge?: number): string {
  const seconds = maxAge === undefined ? "" : `; Max-Age=${Math.min(MAX_AGE, Math.ceil(maxAge / 1000))}`;
  return `${name}=${value}${attributes}${seconds}`;
}

/** The Set-Cookie that removes it: the same attributes, or the browser would keep the old one beside it. */
export function clearCookie(name: string, attributes: string): string {
  return `${name}=${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`;
}

/** The attributes as text. HttpOnly always: no script needs the id. */
export function formatAttributes(attributes: CookieAttributes, secure: boolean): string {
  const { domain, path, sameSite, partitioned, priority } = attributes;
  return [
    domain && `; Domain=${domain}`,
    `; Path=${path}`,
    "; HttpOnly",
    secure && "; Secure",
    `; SameSite=${capitalize(sameSite)}`,
    partitioned && "; Partitioned",
    priority && `; Priority=${capitalize(priority)}`,
  ]
    .filter(Boolean)
    .join("");
}

/** Secure cookies carry a prefix that keeps other hosts, and plain http, from planting one (RFC 6265bis 4.1.3). */
export function cookieName(name: string, attributes: CookieAttributes, secure: boolean): string {
  if (!secure || hasPrefix(name)) return name;
  const hostOnly = attributes.domain === undefined && attributes.path === "/";
  return hostOnly ? `__Host-${name}` : `__Secure-${name}`;
}

/** Browsers compare the prefixes without regard to case. */
export function hasPrefix(name: string): boolean {
  return /^__(Host|Secure|Http)-/i.test(name);
}

const capitalize = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

function isName(header: string, start: number, end: number, name: string): boolean {
  while (isBlank(header.charCodeAt(start))) start++;
  if (!header.startsWith(name, start)) return false;
  start += name.length;
  while (isBlank(header.charCodeAt(start))) start++;
  return start === end;
}

function trim(header: string, start: number, end: number): string {
  while (start < end && isBlank(header.charCodeAt(start))) start++;
  while (end > start && isBlank(header.charCodeAt(end - 1))) end--;
  return header.slice(start, end);
}
