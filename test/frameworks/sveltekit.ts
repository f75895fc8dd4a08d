import type { Session } from "holdfast";
import type { SvelteKitEvent } from "holdfast/sveltekit";
import { parseSetCookie, stringifySetCookie } from "./set-cookie.ts";

export type Data = Record<string, unknown>;

export interface Event extends SvelteKitEvent {
  locals: { session: Session<Data> };
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export type Handle = (input: { event: Event; resolve: (event: Event) => Promise<Response> }) => Promise<Response>;

export class Redirect {
  readonly status: number;
  readonly location: string;
  constructor(status: number, location: string) {
    this.status = status;
    this.location = location;
  }
}

/**
 * A server that treats its `handle` hook as SvelteKit 3.2 does (`respond` of its runtime): an event for each request, whose `locals` are new for sub-requests too;
 * `resolve` answers what routes throw, and closes `event.cookies`; what `handle` throws becomes an error page without cookies, or a redirect with those of `event.cookies`.
 */
export function respondBy(
  handle: Handle,
  route: (event: Event) => Promise<Response>,
  handleError: (error: unknown) => Response,
): (request: Request) => Promise<Response> {
  async function respond(request: Request, isSubRequest: boolean): Promise<Response> {
    const set = new Map<string, string>();
    const event: Event = {
      request,
      isSubRequest,
      isDataRequest: new URL(request.url).pathname.endsWith("/__data.json"),
      locals: {} as Event["locals"],
      cookies: {
        set: (name, value, options) => void set.set(name, stringifySetCookie(name, value, { ...options })),
        parse: parseSetCookie,
      },
      fetch(path, init) {
        const headers = new Headers(init?.headers);
        const cookie = request.headers.get("cookie");
        if (cookie && init?.credentials !== "omit") headers.set("cookie", cookie);
        return respond(new Request(new URL(path, request.url), { ...init, headers }), true);
      },
    };
    const withCookies = (response: Response): Response => {
      for (const cookie of set.values()) response.headers.append("set-cookie", cookie);
      return response;
    };
    const resolve = async (given: Event): Promise<Response> => {
      try {
        return withCookies(await route(given));
      } catch (error) {
        if (error instanceof Redirect) return withCookies(redirectTo(error));
        return handleError(error);
      } finally {
        event.cookies.set = () => {
          throw new Error("cookies can't be set after the response");
        };
      }
    };
    try {
      // A copy, as SvelteKit makes one for its tracing.
      return afterHandle(event, await handle({ event: { ...event }, resolve }));
    } catch (error) {
      return error instanceof Redirect ? withCookies(redirectTo(error)) : handleError(error);
    }
  }
  return (request) => respond(request, false);
}

const redirectTo = ({ status, location }: Redirect): Response => new Response(null, { status, headers: { location } });

/** What is made of responses that leave the hook: most headers are dropped. */
function afterHandle({ request, isDataRequest }: Event, response: Response): Response {
  const etag = response.headers.get("etag");
  if (response.status === 200 && etag !== null && etag === request.headers.get("if-none-match")) {
    const headers = new Headers({ etag });
    for (const cookie of response.headers.getSetCookie()) headers.append("set-cookie", cookie);
    return new Response(null, { status: 304, headers });
  }
  const location = response.headers.get("location");
  const { status } = response;
  if (!isDataRequest || location === null || status < 300 || status > 308) return response;
  return Response.json({ type: "redirect", status, location });
}
