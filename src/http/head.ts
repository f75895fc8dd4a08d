import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { RequestHead } from "../core/transport.ts";

/** A request of node:http, https, or the compatibility API of http2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** `secure` is what the framework says of the client's connection, where it knows more than the socket. */
export function requestHead(request: NodeRequest, secure?: boolean): RequestHead {
  const encrypted = secure ?? (request.socket as { encrypted?: boolean }).encrypted === true;
  return new NodeHead(request.method, request.headers, encrypted);
}

class NodeHead implements RequestHead {
  readonly method: string | undefined;
  readonly encrypted: boolean;
  readonly #headers: IncomingHttpHeaders;

  constructor(method: string | undefined, headers: IncomingHttpHeaders, encrypted: boolean) {
    this.method = method;
    this.#headers = headers;
    this.encrypted = encrypted;
  }

  header(name: string): string | undefined {
    // HTTP/2 has another name for it.
    const value = this.#headers[name] ?? (name === "host" ? this.#headers[":authority"] : undefined);
    return Array.isArray(value) ? value.join(", ") : value;
  }
}
