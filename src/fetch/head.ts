import type { RequestHead } from "../core/transport.ts";

/** `secure` is what the framework says of the client's connection, where it knows more than the URL. */
export function requestHead(request: Request, secure?: boolean): RequestHead {
  return new FetchHead(request, secure ?? request.url.startsWith("https:"));
}

class FetchHead implements RequestHead {
  readonly method: string;
  readonly encrypted: boolean;
  readonly #headers: Headers;
  readonly #url: string;

  constructor({ method, headers, url }: Request, encrypted: boolean) {
    this.method = method;
    this.#headers = headers;
    this.#url = url;
    this.encrypted = encrypted;
  }

  get path(): string {
    return new URL(this.#url).pathname;
  }

  header(name: string): string | undefined {
    return this.#headers.get(name) ?? undefined;
  }
}
