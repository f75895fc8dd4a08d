import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { RequestHead } from "../core/transport.ts";

/** A request of node:http, https, or the compatibility API of http2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/**
 * `isSecure` asks the framework, which knows the proxies that the app trusts, whether the client came by TLS. Its answer differs from the socket's only where
 * a proxy has spoken, and elsewhere it is not asked: Express looks through its settings for it.
 */
export function requestHead(request: NodeRequest, isSecure?: () => boolean | undefined): RequestHead {
  const secure = request.headers["x-forwarded-proto"] === undefined ? undefined : isSecure?.();
  const encrypted = secure ?? (request.socket as { encrypted?: boolean }).encrypted === true;
  return new NodeHead(request, encrypted);
}

class NodeHead implements RequestHead {
  readonly method: string | undefined;
  readonly encrypted: boolean;
  readonly #headers: IncomingHttpHeaders;
  readonly #request: NodeRequest & { originalUrl?: string };

  constructor(request: NodeRequest & { originalUrl?: string }, encrypted: boolean) {
    this.method = request.method;
    this.#headers = request.headers;
    this.#request = request;
    this.encrypted = encrypted;
  }

  /** Express and Connect shorten `url` for what is mounted below a path. */
  get path(): string {
    return pathOf(this.#request.originalUrl ?? this.#request.url ?? "/");
  }

  header(name: string): string | undefined {
    // HTTP/2 has another name for it.
    const value = this.#headers[name] ?? (name === "host" ? this.#headers[":authority"] : undefined);
    return Array.isArray(value) ? value.join(", ") : value;
  }
}

/** Of a request target; a proxy's names the host too. */
export function pathOf(target: string): string {
  if (!target.startsWith("/")) return URL.parse(target)?.pathname ?? target;
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}
