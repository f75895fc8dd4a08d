import type { RequestHead } from "../core/transport.ts";

/** `secure` is what the framework says of the client's connection, where it knows more than the URL. */
export function requestHead(request: Request, secure?: boolean): RequestHead {
  return new FetchHead(request.headers, secure ?? request.url.startsWith("https:"));
}

class FetchHead implements RequestHead {
  readonly encrypted: boolean;
  readonly #headers: Headers;

  constructor(headers: Headers, encrypted: boolean) {
    this.#headers = headers;
    this.encrypted = encrypted;
  }

  header(name: string): string | undefined {
    return this.#headers.get(name) ?? undefined;
  }
}
