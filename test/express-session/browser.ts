import { createServer, type RequestListener } from "node:http";
import { listening } from "../http/listen.ts";

/** Serves the app until the test ends, and answers its origin. */
export async function serve(app: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listening(createServer(app))}`;
}

/** Who visits the app at `origin`. It follows redirects, and keeps cookies by name, for all ports of a host as browsers do. */
export interface Browser {
  readonly origin: string;
  readonly cookies: Map<string, string>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** Posts the fields of a form. */
  post(path: string, fields?: Record<string, string>, headers?: Record<string, string>): Promise<Response>;
}

/** With `cookies` of another one, the same visitor goes on elsewhere; a copy is a thief's. */
export function browser(origin: string, cookies: Map<string, string> = new Map()): Browser {
  const visit = async (url: URL, init: RequestInit): Promise<Response> => {
    const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
    const response = await fetch(url, { ...init, headers: { ...init.headers, cookie }, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) keep(cookies, line);
    const location = response.headers.get("location");
    if (!location) return response;
    await response.body?.cancel();
    return visit(new URL(location, url), {});
  };

  return {
    origin,
    cookies,
    get: (path, headers = {}) => visit(new URL(path, origin), { headers }),
    post: (path, fields = {}, headers = {}) =>
      visit(new URL(path, origin), { method: "POST", headers, body: new URLSearchParams(fields) }),
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [, name = "", value = "", attributes = ""] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
  const expires = /; *expires=([^;]+)/i.exec(attributes)?.[1];
  if (expires && Date.parse(expires) <= Date.now()) cookies.delete(name);
  else cookies.set(name, value);
}
