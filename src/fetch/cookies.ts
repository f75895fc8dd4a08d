/** A cookie as frameworks take it that write the Set-Cookie themselves. */
export interface NamedCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: string;
  readonly path?: string;
  readonly httpOnly?: true;
  readonly secure?: true;
  readonly sameSite?: "strict" | "lax" | "none";
  readonly partitioned?: true;
  readonly priority?: "low" | "medium" | "high";
  /** Seconds. */
  readonly maxAge?: number;
  readonly expires?: Date;
}

/** Takes one of our own Set-Cookies apart; its values need no decoding. */
export function parseSetCookie(text: string): NamedCookie {
  const [pair = "", ...attributes] = text.split("; ");
  const [name, value] = halves(pair);
  const cookie: Record<string, unknown> = { name, value };
  for (const attribute of attributes) {
    const [key, said] = halves(attribute);
    switch (key) {
      case "Domain":
      case "Path":
        cookie[key.toLowerCase()] = said;
        break;
      case "SameSite":
      case "Priority":
        cookie[uncapitalize(key)] = said.toLowerCase();
        break;
      case "Max-Age":
        cookie.maxAge = Number(said);
        break;
      case "Expires":
        cookie.expires = new Date(said);
        break;
      default:
        cookie[uncapitalize(key)] = true;
    }
  }
  return cookie as unknown as NamedCookie;
}

/**
 * The Cookie header as it would be, had the client known what this request has set since. The other cookies stay as they came: a client may send
 * several of one name, of which frameworks keep one.
 */
export function currentCookies(
  header: string | null | undefined,
  current: readonly { readonly name: string; readonly value: string }[],
): string | undefined {
  const sent = header?.split(/; */).filter(Boolean) ?? [];
  const pairs = new Set(sent.map((pair) => halves(pair).join("=")));
  // Encoded, for a decoded value may hold what reads as another cookie.
  const changed = current
    .map(({ name, value }) => ({ name, pair: `${name}=${encodeURIComponent(value)}`, plain: `${name}=${value}` }))
    .filter(({ pair, plain }) => !pairs.has(pair) && !pairs.has(plain));
  if (changed.length === 0) return header ?? undefined;
  const names = new Set(changed.map(({ name }) => name));
  const kept = sent.filter((pair) => !names.has(halves(pair)[0]));
  return [...kept, ...changed.map(({ pair }) => pair)].join("; ");
}

function halves(pair: string): [name: string, value: string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

const uncapitalize = (word: string): string => word.charAt(0).toLowerCase() + word.slice(1);
