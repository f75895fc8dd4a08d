import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { RequestHead } from "../core/transport.ts";

/** A request of node:http, https, or the compatibility API of http2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** `secure` is what the framework says of the client's connection, where it knows more than the socket. */
export function requestHead(request: NodeRequest, secure?: boolean): RequestHead {
  const encrypted = secure ?? (request.socket as { encrypted?: boolean }).encrypted === true;
  return new NodeHead(request.headers, encrypted);
}

class NodeHead implements RequestHead {
  readonly encrypted: boolean;
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders, encrypted: boolean) {
    this.#headers = headers;
    this.encrypted = encrypted;
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }
}
