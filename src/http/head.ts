import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { RequestHead } from "../core/transport.ts";

/** A request of node:http, https, or the compatibility API of http2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** `secure` is what the framework says of the client's connection, where it knows more than the socket. */
export function requestHead(request: NodeRequest, secure?: boolean): RequestHead {
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
