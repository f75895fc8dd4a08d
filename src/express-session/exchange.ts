import { after } from "../core/after.ts";
import type { HeaderEdits } from "../core/reply.ts";
import type { Awaitable } from "../store.ts";
import type { Settings } from "./options.ts";
import { EXCHANGE, isSecure, resolveAuto, type SessionRequest } from "./request.ts";
import { Session, type SessionData } from "./session.ts";
import { sign } from "./signature.ts";
import type { Callback } from "./store.ts";
import { warnOnce } from "./warn.ts";

const NO_EDITS: HeaderEdits = {};
/** No session's text: the handler began to save it, and that failed. */
const NOT_SAVED = "";

/** One request: the id it came with, what its session was, and what its response must save and say. */
export class Exchange {
  readonly settings: Settings;
  /** Of the middleware that the request came through before, where that one's session is no longer there. */
  readonly before: Exchange | undefined;
  readonly #req: SessionRequest;
  readonly #ids: readonly string[];
  readonly #report: (error: unknown) => void;
  #pending: Set<Promise<unknown>> | undefined;
  /** The id that the client knows: the one it sent, and from the headers on the one it was sent. */
  #clientId: string | undefined;
  #originalId: string | undefined;
  #originalText: string | undefined;
  #savedText: string | undefined;
  #isUnset = false;
  /** The session's text, while the response's own save begins. */
  #committed: string | undefined;
  /** What the commit left in the store, by which a later change is told. */
  #left: { readonly id: string; readonly text: string } | undefined;

  /** `ids` are what the client sent, signed by us. `report` gets an error that is not to change the answer. */
  constructor(settings: Settings, req: SessionRequest, ids: readonly string[], report: (error: unknown) => void) {
    this.settings = settings;
    this.before = req[EXCHANGE];
    this.#pending = this.before?.pending;
    this.#req = req;
    this.#ids = ids;
    this.#clientId = ids[0];
    this.#report = report;
    req.sessionID = ids[0]!;
  }

  /** Operations that the handler began and may not have awaited. */
  get pending(): Set<Promise<unknown>> {
    this.#pending ??= new Set();
    return this.#pending;
  }

  /** Finds the session of the first id that has one, or begins a new session. */
  open(done: Callback, tried = 0): void {
    const id = this.#ids[tried];
    if (id === undefined) {
      step(() => this.#generate(), done);
      return;
    }
    let isAnswered = false;
    try {
      this.settings.store.get(id, (error, data) => {
        isAnswered = true;
        if (error && error.code !== "ENOENT") done(error);
        else if (error || !data) this.open(done, tried + 1);
        else step(() => this.#inflate(id, data), done);
      });
    } catch (error) {
      // A store that answers at once has run the whole request in there.
      if (isAnswered) throw error;
      done(error);
    }
  }

  #generate(): void {
    const req = this.#req;
    this.settings.store.generate(req);
    this.#original(req.session);
  }

  #inflate(id: string, data: SessionData): void {
    const { settings } = this;
    const req = this.#req;
    this.#clientId = id;
    req.sessionID = id;
    settings.store.createSession(req, data);
    resolveAuto(req, settings);
    // By what was stored: an entry that the session can't take (a method's name) is a change.
    this.#original(data);
    if (!settings.resave) this.#savedText = this.#originalText;
  }

  #original(data: object): void {
    this.#originalId = this.#req.sessionID;
    this.#originalText = textOf(data);
    this.adopt();
  }

  /** A session of another library's class (a store may bring its own) gets what ours has: promises, and saves that this exchange knows of. */
  adopt(): void {
    const { session } = this.#req;
    if (session instanceof Session) return;
    const { save, reload, destroy, regenerate } = Session.prototype;
    for (const [name, value] of Object.entries({ save, reload, destroy, regenerate })) {
      Object.defineProperty(session, name, { value, configurable: true, writable: true });
    }
  }

  /** Runs a save of the session: the response waits for it. */
  saving(session: Session, save: (done: Callback) => void, done: (...answer: unknown[]) => void): void {
    if (this.#committed !== undefined) {
      this.#savedText = this.#committed;
      save(done);
      return;
    }
    const text = textOf(session);
    this.#savedText = text;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.pending.add(promise);
    const settle = (error: unknown): void => {
      if (!this.pending.delete(promise)) return;
      resolve();
      // The response tries again, and fails where this fails too.
      if (error && this.#savedText === text) this.#savedText = NOT_SAVED;
    };
    try {
      save((...answer: unknown[]) => {
        settle(answer[0]);
        done(...answer);
      });
    } catch (error) {
      settle(error);
      throw error;
    }
  }

  /** Saves or touches the session, or destroys it. To be done before the headers leave. */
  commit(): Awaitable<HeaderEdits> {
    if (this.#pending?.size) return this.#finishPending().then(() => this.commit());
    const { session, sessionID: id } = this.#req;
    if (!session) return after(this.#destroyUnset(), () => NO_EDITS);
    const text = textOf(session);
    session.touch();
    const setCookie = this.#setCookie(session, text);
    return after(this.#keep(session, text), () => {
      if (setCookie !== undefined) this.#clientId = id;
      this.#left = { id, text };
      return { setCookie, cacheable: true };
    });
  }

  /** The cookie alone, for a response that can't wait: a websocket's. */
  cookie(): string | undefined {
    const { session } = this.#req;
    if (!session) return undefined;
    session.touch();
    return this.#setCookie(session, textOf(session));
  }

  /** Nothing was saved, so the error's answer leaves without a cookie. */
  abandon(): HeaderEdits {
    return NO_EDITS;
  }

  /** A handler may work on after its response, as it always could; nobody waits for it. */
  seal(): void {}

  /** The response ends, and its headers left before: what came since is saved. */
  end(): Awaitable<void> {
    if (this.#pending?.size) return this.#finishPending().then(() => this.end());
    const { session } = this.#req;
    if (!session) return this.#destroyUnset();
    const text = textOf(session);
    const left = this.#left;
    if (!left || (left.id === session.id && (left.text === text || this.#savedText === text))) return;
    // Under an id that the client doesn't have, nobody would ever find it.
    if (session.id === this.#clientId) return called((done) => session.save(done));
    warnOnce(
      "a new session was first changed after the response's headers had left, and was not saved: its cookie goes with them. Change it before the first write.",
    );
  }

  /** A handler may end its response over what it did not await: the response waits, and fails with it. */
  async #finishPending(): Promise<void> {
    await Promise.all(this.pending);
  }

  #destroyUnset(): Awaitable<void> {
    const { sessionID: id, session } = this.#req;
    const { unset, store } = this.settings;
    if (unset !== "destroy" || !id || session != null || this.#isUnset) return;
    this.#isUnset = true;
    return called((done) => store.destroy(id, done));
  }

  #keep(session: Session & Partial<SessionData>, text: string): Awaitable<void> {
    const { store } = this.settings;
    const { sessionID: id } = this.#req;
    if (typeof id !== "string") return;
    if (this.#shouldSave(session, text)) return called((done) => this.#save(session, text, done));
    if (typeof store.touch !== "function" || id !== this.#clientId) return;
    // A session that ended meanwhile needs no touch: the handler changed nothing, so its answer stands.
    return called((done) =>
      store.touch?.(id, session as SessionData, (error) => {
        if (error) this.#report(error);
        done();
      }),
    );
  }

  /** By the session's own method, which apps may have wrapped. */
  #save(session: Session, text: string, done: Callback): void {
    this.#committed = text;
    try {
      session.save(done);
    } finally {
      this.#committed = undefined;
    }
  }

  #shouldSave(session: Session, text: string): boolean {
    const isNewToClient =
      !this.settings.saveUninitialized && this.#savedText === undefined && this.#clientId !== this.#req.sessionID;
    return isNewToClient
      ? this.#isModified(session, text)
      : this.#originalId !== session.id || this.#savedText !== text;
  }

  #setCookie(session: Session, text: string): string | undefined {
    const { settings } = this;
    const req = this.#req;
    const id: unknown = req.sessionID;
    if (typeof id !== "string" || !this.#shouldSetCookie(session, id, text)) return undefined;
    if (session.cookie.secure && !isSecure(req, settings.proxy)) {
      warnOnce(
        `the cookie ${settings.name} is Secure and a request came by http, so it was not set. Behind a proxy that ends TLS, call app.set("trust proxy", 1) or pass proxy: true; for development without https, pass cookie: { secure: "auto" }.`,
      );
      return undefined;
    }
    return session.cookie.serialize(settings.name, sign(id, settings.keys(req)));
  }

  #shouldSetCookie(session: Session, id: string, text: string): boolean {
    const { rolling, saveUninitialized } = this.settings;
    if (id !== this.#clientId) return saveUninitialized || this.#isModified(session, text);
    return rolling || (session.cookie.expires != null && this.#isModified(session, text));
  }

  #isModified(session: Session, text: string): boolean {
    return this.#originalId !== session.id || this.#originalText !== text;
  }
}

/** The session's data as text, by which a change is told. Changes of the cookie alone don't count. */
function textOf(session: object): string {
  // JSON leaves out what is undefined; a copy without the property takes several times as long.
  return JSON.stringify({ ...session, cookie: undefined });
}

/** Runs an operation that calls back: at once done where it calls back at once. */
function called(operation: (done: Callback) => void): Awaitable<void> {
  let isDone = false;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  operation((error) => {
    isDone = !error;
    if (error) reject(error);
    else resolve();
  });
  return isDone ? undefined : promise;
}

/** Does it, and calls back with what it threw; what the callback throws is not caught. */
function step(operation: () => void, done: Callback): void {
  try {
    operation();
  } catch (error) {
    done(error);
    return;
  }
  done();
}
