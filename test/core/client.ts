import type { Exchange, HeaderEdits, RequestHead, Session, Sessions } from "holdfast";

/** What a request says, for tests that need no server. */
export function head(headers: Record<string, string | undefined> = {}, encrypted = false): RequestHead {
  return { header: (name) => headers[name], encrypted };
}

/** A browser with one cookie jar, speaking to the core without HTTP between. */
export interface Client<Data extends object> {
  cookie: string | undefined;
  /** Sends a request: opens, lets `handle` work, commits, keeps the cookie. */
  request<T>(handle: (session: Session<Data>) => T | Promise<T>): Promise<{ value: T; edits: HeaderEdits }>;
  /** Sends a request that sets these entries. */
  set(entries: Partial<Data>): Promise<{ edits: HeaderEdits }>;
  /** Begins a request, and leaves it to the test when it goes on. */
  open(): Promise<Exchange<Data>>;
  /** Commits a request and takes what it says of the cookie. */
  finish(exchange: Exchange<Data>): Promise<HeaderEdits>;
}

export function client<Data extends object>(sessions: Sessions<Data>): Client<Data> {
  return {
    cookie: undefined,
    set(entries) {
      return this.request((session) => {
        Object.assign(session.data, entries);
      });
    },
    async open() {
      return sessions.open(head({ cookie: this.cookie, "user-agent": "test" }));
    },
    async finish(exchange) {
      const edits = await exchange.commit();
      const pair = edits.setCookie?.split(";", 1)[0];
      if (pair) this.cookie = pair.endsWith("=") ? undefined : pair;
      return edits;
    },
    async request(handle) {
      const exchange = await this.open();
      const value = await handle(exchange.session);
      return { value, edits: await this.finish(exchange) };
    },
  };
}
