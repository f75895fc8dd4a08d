import { HoldfastError } from "../errors.ts";
import { type Awaitable, acceptsSecret, type Change, type SessionRecord, type UpdateResult } from "../store.ts";
import { after, attempt, isPending } from "./after.ts";
import type { Context } from "./context.ts";
import { csrfToken } from "./csrf.ts";
import { checkName, Entries, unsaved } from "./data.ts";
import { BINDING, BOUND, newRegistration, REGISTRATION, verifyDevice } from "./device.ts";
import { hashSecret, newHandle, newSecret, type SessionId } from "./id.ts";
import { cookieEnd, expiry, graceAfter, isFarAhead, isLive, noGrace } from "./lifetime.ts";
import { Changed, type Found, isSession, type Live } from "./lookup.ts";
import { loginRequired, overtakesItself, versionsBroken } from "./misuse.ts";
import { type Intent, type Plan, plan } from "./plan.ts";
import { type HeaderEdits, Reply } from "./reply.ts";
import { Session } from "./session.ts";
import { isHttps, type Received, type RequestHead } from "./transport.ts";
import { keepLimit } from "./user-limit.ts";

/** Names of the entries that holdfast keeps for itself. */
const REMEMBER = "~remember";
export const DEVICE = "~device";

/** So many times another request can be quicker, in one `update`, before the store must be broken. */
const MAX_ATTEMPTS = 10_000;

/** So many times the request itself can be quicker, by updates that it runs at once, before one of them must be the cause of its own conflicts. */
const MAX_OWN_CHANGES = 1000;

/** Longer than any honest User-Agent. */
const MAX_DEVICE = 256;

/** One request: what it found, what it changes, what its response must say. The only part of the core that calls the store during it. */
export class Exchange<Data extends object> {
  readonly session: Session<Data>;
  readonly #context: Context;
  readonly #head: RequestHead;
  readonly #reply: Reply;
  #live: Live | undefined;
  /** Why the session couldn't be read, where the request goes on without. */
  readonly #unread: { readonly failure: unknown } | undefined;
  #isNew: boolean;
  #handle: string | undefined;
  /** The beginning of a session that isn't stored yet, once it is asked for. */
  #createdAt: number | undefined;
  #entries: Entries | undefined;
  #read = false;
  #ended = false;
  /** Operations under way, in their order; made when one first is. */
  #running: Set<Promise<unknown>> | undefined;

  constructor(context: Context, head: RequestHead, received: Received, found: Found) {
    this.#context = context;
    this.#head = head;
    this.#reply = new Reply(context, head, received, typeof found === "string" ? found : undefined);
    if (isSession(found)) this.#live = found;
    else if (typeof found === "object") this.#unread = found;
    this.#isNew = this.#live === undefined;
    this.session = new Session<Data>(this);
  }

  /** @internal Whether it was opened by these sessions. */
  isOf({ on }: { readonly on: unknown }): boolean {
    return this.#context.on === on;
  }

  get entries(): Entries {
    this.#read = true;
    return this.#ownEntries();
  }

  get data(): Partial<Data> {
    return this.entries.data;
  }

  get isNew(): boolean {
    this.#read = true;
    return this.#isNew;
  }

  get isReadOnly(): boolean {
    this.#read = true;
    return this.#unread !== undefined;
  }

  get handle(): string {
    this.#read = true;
    this.#handle ??= this.#live?.id.handle ?? newHandle();
    return this.#handle;
  }

  get userId(): string | undefined {
    this.#read = true;
    return this.#live?.record.userId;
  }

  get isDeviceBound(): boolean {
    this.#read = true;
    if (!this.#live || !this.#context.settings.deviceBound) return false;
    return this.#live.firstProof === true || this.#live.record.entries.has(BOUND);
  }

  get times(): Pick<SessionRecord, "createdAt" | "authenticatedAt" | "expiresAt"> {
    this.#read = true;
    if (this.#live) return this.#live.record;
    const now = Date.now();
    const times = { createdAt: this.#begin(now), touchedAt: now };
    return { ...times, expiresAt: expiry(times, this.#context.settings.limits) };
  }

  login(userId: string, remember: boolean): Awaitable<void> {
    return this.#run(async () => {
      this.#reply.assertOpen();
      const limit = keepLimit(this.#context);
      const latest = (await limit?.admit(userId, this.#live?.id.handle)) ?? 0;
      // Django's rule: what one user left in the session is never the next one's to see.
      const { userId: before } = this.#live?.record ?? {};
      if (before !== undefined && before !== userId) await this.#destroy();
      this.entries.set(REMEMBER, remember || undefined);
      this.entries.set(DEVICE, this.#head.header("user-agent")?.slice(0, MAX_DEVICE));
      const asked = this.#mayRegister() ? await newRegistration(Date.now()) : undefined;
      this.entries.set(REGISTRATION, asked?.registration);
      try {
        await this.#save({ kind: "login", userId, after: latest });
      } finally {
        // Saved by now, or not to be.
        for (const name of [REMEMBER, DEVICE, REGISTRATION]) this.entries.forget(name);
      }
      if (asked) this.#reply.askForDevice(asked.challenge);
      await limit?.enforce(userId, this.handle).catch(async (error) => {
        await this.#destroy();
        throw error;
      });
    });
  }

  csrfToken(): Awaitable<string | undefined> {
    this.#read = true;
    return this.#live && csrfToken(this.#live.id.secret);
  }

  reauthenticate(): Awaitable<void> {
    const { userId } = this;
    if (this.#unread) return Promise.reject(this.#unread.failure);
    if (userId === undefined) return Promise.reject(loginRequired(0));
    return this.login(userId, this.entries.get(REMEMBER) === true);
  }

  requireFresh(maxAge: number): void {
    const { authenticatedAt } = this.times;
    // Whether anybody is logged in can't be told: an invitation to log in would be wrong.
    this.#assertRead();
    const now = Date.now();
    if (authenticatedAt === undefined || now - authenticatedAt > maxAge || isFarAhead(authenticatedAt, now)) {
      throw loginRequired(maxAge, authenticatedAt);
    }
  }

  regenerate(): Awaitable<void> {
    return this.#run(() => this.#save({ kind: "regenerate" }));
  }

  destroy(): Awaitable<void> {
    return this.#run(() => this.#save({ kind: "destroy" }));
  }

  save(): Awaitable<void> {
    return this.#run(() => this.#save({ kind: "commit" }));
  }

  reload(): Awaitable<void> {
    return this.#run(async () => {
      this.#assertRead();
      this.entries.forget();
      if (this.#live) await this.#reread(this.#live);
    });
  }

  async update<Value>(name: string, fn: (current: unknown) => Value | Promise<Value>): Promise<Value> {
    checkName(name);
    this.#assertRead();
    const { entries } = this;
    // What this handler assigned to the entry is what `fn` goes on from.
    if (entries.isChanged(name)) await this.save();
    let ownChanges = 0;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      await this.#run(async () => {
        if (this.#live && !this.#live.exact) await this.#reread(this.#live);
      });
      const base = this.#live;
      const value = await fn(entries.stored(name));
      if (this.#live !== base && ++ownChanges === MAX_OWN_CHANGES) throw overtakesItself(name);
      if (await this.#run(() => this.#compareAndSet(base, name, value))) return value;
    }
    throw versionsBroken(MAX_ATTEMPTS, `session.update(${JSON.stringify(name)})`);
  }

  /**
   * Saves what was changed; to be awaited before the headers leave. Synchronous where the store is, or nothing is to be saved. Throws or rejects
   * where it wasn't saved: then the response must not say that all is well, and takes its headers from `abandon`.
   */
  commit(): Awaitable<HeaderEdits> {
    const prepared = this.prepare();
    return isPending(prepared) ? prepared.then(() => this.#leave()) : this.#leave();
  }

  /**
   * Does of the commit all that can fail, while headers can still be changed, and more be done with the session: for frameworks whose error handling is over
   * when the response leaves (Koa). `commit` follows it; or `abandon`, where it failed.
   */
  prepare(): Awaitable<void> {
    if (this.#running?.size) return this.#finishRunning(this.#running);
    const planned = this.#plan({ kind: "commit" });
    if (planned.kind !== "none") return this.#run(() => this.#settle(planned));
  }

  /** Drops what wasn't saved, for the error's response: its headers still tell of what was, such as a login's new id. */
  abandon(): HeaderEdits {
    this.#entries?.forget();
    this.seal();
    return this.#leave();
  }

  /** The response has ended, with or after its commit: from here on a change to `data` throws. */
  seal(): void {
    this.#ended = true;
    this.#entries?.seal();
  }

  /** The response ended after its commit. Throws `headers-sent` where a change came between and wasn't saved. */
  end(): void {
    this.seal();
    if (!this.#running?.size && this.#entries?.isChanged()) throw unsaved();
  }

  /** For what no response follows, such as a socket's message: no cookie can leave, so no session can begin or get a new id. `commit` follows it. */
  detach(): void {
    this.#reply.leave();
  }

  #ownEntries(): Entries {
    if (!this.#entries) {
      const onUnreadable = (): void =>
        this.#context.emit("rejected", { reason: "corrupt", handle: this.#live?.id.handle });
      this.#entries = new Entries(this.#live, this.#context.settings.serializer, onUnreadable);
      if (this.#ended) this.#entries.seal();
    }
    return this.#entries;
  }

  /** One operation at a time, in the order of the calls: each goes on from what the one before left. */
  #run<T>(operation: () => Awaitable<T>): Awaitable<T> {
    const before = this.#running?.size ? [...this.#running].at(-1) : undefined;
    const result = before ? before.then(operation, operation) : attempt(operation);
    if (!isPending(result)) return result;
    this.#running ??= new Set();
    this.#running.add(result);
    const done = (): void => void this.#running?.delete(result);
    result.then(done, done);
    return result;
  }

  /** The handler ended its response over operations that it did not await: the response waits for them, and fails with them. */
  async #finishRunning(running: ReadonlySet<Promise<unknown>>): Promise<void> {
    await Promise.all([...running, this.save()]);
  }

  #plan(intent: Intent): Plan {
    const record = this.#live?.record;
    const now = Date.now();
    return plan(intent, {
      record,
      createdAt: record?.createdAt ?? this.#begin(now),
      changes: this.#entries?.changes(),
      firstProof: this.#live?.firstProof === true,
      limits: this.#context.settings.limits,
      renewable: !this.#reply.hasLeft && this.#live?.secretHash === record?.secretHash,
      now,
    });
  }

  #begin(now: number): number {
    this.#createdAt ??= now;
    return this.#createdAt;
  }

  #save(intent: Intent): Awaitable<void> {
    if (intent.kind !== "commit") this.#assertRead();
    return this.#settle(this.#plan(intent));
  }

  #settle(planned: Plan): Awaitable<void> {
    if (planned.kind === "touch") return this.#touch(planned);
    return after(this.#carryOut(planned), (status) => {
      if (status === "gone") throw this.#gone();
    });
  }

  /** The handler changed nothing: its answer stands where the session has ended meanwhile, and where a failing store need not stop it. */
  #touch(planned: Plan): Awaitable<void> {
    const done = after(
      attempt(() => this.#carryOut(planned)),
      () => {},
    );
    return isPending(done) && this.#context.settings.onStoreError === "read-only" ? done.catch(() => {}) : done;
  }

  async #compareAndSet(base: Live | undefined, name: string, value: unknown): Promise<boolean> {
    if (this.#live !== base) return false;
    const entries = this.#ownEntries();
    entries.set(name, value);
    try {
      const status = await this.#carryOut(this.#plan({ kind: "compare" }), base?.record.version);
      if (status === "gone") throw this.#gone();
      return status === "updated";
    } finally {
      entries.forget(name);
    }
  }

  #carryOut(planned: Plan, ifVersion?: number): Awaitable<UpdateResult["status"]> {
    if (planned.kind !== "none") this.#assertRead();
    switch (planned.kind) {
      case "none":
        return "updated";
      case "create":
        return this.#create(planned.record);
      case "touch":
      case "update":
        return planned.renew ? this.#renew(planned.change) : this.#update(planned.change, ifVersion);
      case "rotate":
        // An id that someone planted or saw before the login is worth nothing after it.
        return this.#rotate(planned.change, noGrace(planned.change.touchedAt));
      case "destroy":
        return this.#destroy();
    }
  }

  async #create(unproven: Omit<SessionRecord, "secretHash">): Promise<"updated"> {
    this.#reply.assertOpen();
    const { settings, call, emit } = this.#context;
    const id: SessionId = { handle: this.handle, secret: newSecret() };
    const record: SessionRecord = { ...unproven, secretHash: await hashSecret(id.secret) };
    if ((await call("create", () => settings.store.create(id.handle, record))) === "exists") {
      throw new HoldfastError("store-failed", "The store answered that it has a record under a new random handle.", {
        operation: "create",
      });
    }
    this.#goOn({ id, record, exact: true, secretHash: record.secretHash });
    this.#reply.giveNew(record);
    emit("created", { handle: id.handle });
    return "updated";
  }

  #update(change: Change, ifVersion?: number): Awaitable<UpdateResult["status"]> {
    const { settings, call } = this.#context;
    const live = this.#live!;
    const condition = { secretHash: live.secretHash, ifVersion };
    return after(
      call("update", () => settings.store.update(live.id.handle, change, condition)),
      (result) => this.#updated(live, change, result),
    );
  }

  #updated(live: Live, change: Change, result: UpdateResult): UpdateResult["status"] {
    const { id, secretHash } = live;
    if (result.status === "conflict") this.#live = { id, secretHash, record: live.record, exact: false };
    if (result.status !== "updated") return result.status;

    const next = new Changed(live, change, result.version);
    if (this.#isPersistent()) {
      const { limits } = this.#context.settings;
      if (cookieEnd(next.record, limits) !== cookieEnd(live.record, limits)) this.#reply.give();
    }
    this.#goOn(next);
    return "updated";
  }

  /** Of requests that overlap, one renews the id: a second new one would end the first one's grace, with the client holding either. */
  async #renew(change: Change): Promise<UpdateResult["status"]> {
    const status = await this.#rotate(change, graceAfter(change.touchedAt), this.#live!.record.version);
    return status === "conflict" ? this.#update(change) : status;
  }

  async #rotate(change: Change, graceUntil: number, ifVersion?: number): Promise<UpdateResult["status"]> {
    this.#reply.assertOpen();
    const secret = newSecret();
    const secretHash = await hashSecret(secret);
    const status = await this.#update({ ...change, rotate: { secretHash, graceUntil } }, ifVersion);
    if (status !== "updated") return status;

    const live = this.#live!;
    this.#live = { id: { handle: live.id.handle, secret }, record: live.record, exact: live.exact, secretHash };
    this.#reply.give();
    this.#context.emit("rotated", { handle: live.id.handle });
    return status;
  }

  async #destroy(): Promise<"updated"> {
    const { settings, call, emit } = this.#context;
    const handle = this.#live?.id.handle;
    const ended = handle !== undefined && (await call("delete", () => settings.store.delete(handle)));
    this.#live = undefined;
    this.#handle = undefined;
    this.#isNew = true;
    this.#createdAt = undefined;
    this.#entries?.rebase(undefined);
    this.#entries?.forget();
    this.#reply.takeBack();
    if (ended) emit("destroyed", { handle });
    return "updated";
  }

  async #reread({ id, secretHash }: Live): Promise<void> {
    const { settings, call } = this.#context;
    const record = await call("read", () => settings.store.read(id.handle));
    const now = Date.now();
    if (!record || !isLive(record, settings.limits, now) || !acceptsSecret(record, secretHash, now)) throw this.#gone();
    const device = await verifyDevice(settings, this.#head, record.entries);
    if (device === "unproven" || device === "unreadable") throw this.#gone();
    this.#goOn({ id, record, exact: true, secretHash, ...(device === "begins" && { firstProof: true }) });
  }

  #goOn(live: Live): void {
    this.#live = live;
    this.#entries?.rebase(live);
  }

  /** Who logs in by https, which `secure: true` says of a proxy that says nothing, may register the browser's device; a session that has one keeps it. */
  #mayRegister(): boolean {
    const { deviceBound, secure, trustProxy } = this.#context.settings;
    if (!deviceBound || !this.#reply.isByCookie || this.#live?.record.entries.has(BINDING)) return false;
    return secure === true || isHttps(this.#head, trustProxy);
  }

  #isPersistent(): boolean {
    return this.#context.settings.persistent || this.#ownEntries().get(REMEMBER) === true;
  }

  #leave(): HeaderEdits {
    const live = this.#live;
    const isPersistent = live !== undefined && this.#reply.givesId && this.#isPersistent();
    return this.#reply.edits(live, isPersistent, this.#read);
  }

  /** Of a session that nobody has seen, nothing may be overwritten, nor said to have ended. */
  #assertRead(): void {
    if (this.#unread) throw this.#unread.failure;
  }

  #gone(): HoldfastError<"session-gone"> {
    const handle = this.#live!.id.handle;
    return new HoldfastError(
      "session-gone",
      "The session ended, or got a new id by a login, while this request was under way. What the request changed was not saved.",
      { handle },
    );
  }
}
