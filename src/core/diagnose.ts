import type { Settings } from "./options.ts";
import { forwardedProto, isHttps, type RequestHead } from "./transport.ts";

/** What is wrong with how a cookie goes out to this request's client, and how to mend it. */
export type Diagnosis = { readonly code: "secure-over-http" | "proxy-not-trusted"; readonly message: string };

/** Looks at a request that is about to get a cookie. */
export function diagnose(head: RequestHead, settings: Settings): Diagnosis | undefined {
  if (isHttps(head, settings.trustProxy)) return undefined;
  const behindTls = forwardedProto(head) === "https";
  if (settings.secure === "auto" && behindTls) {
    return {
      code: "proxy-not-trusted",
      message:
        "A request came with X-Forwarded-Proto: https, but trustProxy is off, so its cookie goes out without Secure and without the __Host- prefix. " +
        "If a proxy of yours ends TLS and sets that header, pass createSessions({ trustProxy: true }).",
    };
  }
  if (settings.secure === true && !behindTls && !isLoopback(head.header("host"))) {
    return {
      code: "secure-over-http",
      message:
        `The Secure cookie ${settings.secureCookie.name} can't be set over plain http: browsers drop it, and each request begins a new session. ` +
        "Serve the app by https; if a proxy ends TLS before it, let the proxy send X-Forwarded-Proto and pass createSessions({ trustProxy: true }); " +
        'for development without https, leave cookie.secure at "auto".',
    };
  }
  return undefined;
}

/** Browsers take Secure cookies from the machine they run on. */
function isLoopback(host: string | undefined): boolean {
  return host !== undefined && /^(localhost|[\w-]+\.localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host);
}
