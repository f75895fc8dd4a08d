type Attributes = Record<string, unknown>;

const NAMES: Record<string, string> = { httponly: "httpOnly", samesite: "sameSite", "max-age": "maxAge" };

/** As the package `cookie` 2 reads a Set-Cookie, which SvelteKit's `event.cookies` does. */
export function parseSetCookie(text: string): { name: string; value: string } & Attributes {
  const [pair, ...rest] = text.split(/; */);
  const equals = pair!.indexOf("=");
  const attributes = rest.map((each) => {
    const [name, value] = each.split("=") as [string, string | undefined];
    const key = NAMES[name.toLowerCase()] ?? name.toLowerCase();
    if (value === undefined) return [key, true];
    return [key, key === "maxAge" ? Number(value) : value];
  });
  return { name: pair!.slice(0, equals), value: pair!.slice(equals + 1), ...Object.fromEntries(attributes) };
}

export function stringifySetCookie(name: string, value: string, { encode, ...attributes }: Attributes): string {
  const text = (encode as (value: string) => string)(value);
  const titles = Object.fromEntries(Object.entries(NAMES).map(([title, key]) => [key, title]));
  const parts = Object.entries(attributes)
    .filter(([, each]) => each !== false)
    .map(([key, each]) => `; ${titles[key] ?? key}${each === true ? "" : `=${each}`}`);
  return `${name}=${text}${parts.join("")}`;
}
