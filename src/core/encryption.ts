import { decodeBase64, encodeBase64 } from "#crypto";
import { HoldfastError, isHoldfastError } from "../errors.ts";
import type { IndexedStore, SessionRecord, Store, UpdateResult } from "../store.ts";

type Entries = ReadonlyMap<string, string>;
type AnyStore = Store & Partial<IndexedStore>;

/** How an encrypted text begins, with the version of what follows: `~1.key.iv+ciphertext`, both base64url. JSON never begins so. */
const VERSION = "~1";
const SEALED = /^~1\.[\w-]{8}\.[\w-]+$/;
/** Bytes of the key's name, and of AES-GCM's nonce. */
const ID_LENGTH = 6;
const NONCE_LENGTH = 12;

/** How many sessions' keys are kept at a time. */
const KEPT_KEYS = 1000;

/** A store whose entries are encrypted, and what keys that change ask of it. */
export interface Encryption {
  readonly store: AnyStore;
  /**
   * The update that puts under the first key what of the record, as `store` answered it, another one wrote; undefined where there is nothing. It is refused where
   * another request has changed the record meanwhile.
   */
  resealing(handle: string, record: SessionRecord): (() => Promise<UpdateResult>) | undefined;
}

/**
 * The store with every entry's text encrypted: AES-256-GCM under a key of the session's own (HKDF-SHA256 of one of `keys` and the handle), so that no
 * number of writes wears a key out; bound to handle and entry name, so that a text moved to another record or entry is no text. Names of entries, times
 * and the user's id stay readable. The first key writes, all read; what none of them opens is a corrupt record, never plain text.
 */
export function encrypted(store: AnyStore, keys: readonly Uint8Array<ArrayBuffer>[]): Encryption {
  const ring = keys.map(createKey);
  /** By records that were read, the entries that another key than the first wrote. */
  const old = new WeakMap<SessionRecord, readonly string[]>();

  async function seal(handle: string, entries: Entries): Promise<Entries> {
    const sealed = [...entries].map(async ([name, text]) => [name, await ring[0]!.seal(handle, name, text)] as const);
    return new Map(await Promise.all(sealed));
  }

  async function open(handle: string, record: SessionRecord): Promise<SessionRecord> {
    const texts = [...record.entries];
    const opened = texts.map(async ([name, text]) => [name, await openText(handle, name, text)] as const);
    const plain = { ...record, entries: new Map(await Promise.all(opened)) };
    const ours = `${VERSION}.${await ring[0]!.id}.`;
    const others = texts.filter(([, text]) => !text.startsWith(ours)).map(([name]) => name);
    if (others.length > 0) old.set(plain, others);
    return plain;
  }

  async function openText(handle: string, name: string, text: string): Promise<string> {
    const [version, id, sealed] = text.split(".");
    if (version === VERSION && sealed !== undefined) {
      for (const key of ring) if ((await key.id) === id) return key.open(handle, name, sealed);
    }
    throw unreadable(handle, "is not encrypted by any of createSessions' keys");
  }

  const { list, deleteAll } = store;
  const outer: AnyStore = {
    async read(handle) {
      const record = await store.read(handle);
      return record && open(handle, record);
    },
    create: async (handle, record) => store.create(handle, { ...record, entries: await seal(handle, record.entries) }),
    async update(handle, change, condition) {
      const sealed = change.set ? { ...change, set: await seal(handle, change.set) } : change;
      return store.update(handle, sealed, condition);
    },
    delete: (handle) => store.delete(handle),
    sweep: (now) => store.sweep(now),
    close: () => store.close(),
    ...(store.problems && { problems: () => store.problems!() }),
    ...(list &&
      deleteAll && {
        async list(userId: string) {
          const found = await list.call(store, userId);
          const opened = found.map(({ handle, record }) =>
            open(handle, record).then(
              (each) => [{ handle, record: each }],
              // It opens for nobody, so it is no session of the user's.
              (error) => (isHoldfastError(error) ? [] : Promise.reject(error)),
            ),
          );
          return (await Promise.all(opened)).flat();
        },
        deleteAll: deleteAll.bind(store),
      }),
  };

  return {
    store: outer,
    resealing(handle, record) {
      const names = old.get(record);
      if (!names) return undefined;
      const { entries, secretHash, version, touchedAt, expiresAt } = record;
      const set = new Map(names.map((name) => [name, entries.get(name)!]));
      return async () => outer.update(handle, { set, touchedAt, expiresAt }, { secretHash, ifVersion: version });
    },
  };
}

interface Key {
  readonly id: Promise<string>;
  seal(handle: string, name: string, text: string): Promise<string>;
  open(handle: string, name: string, sealed: string): Promise<string>;
}

type Derived = Awaited<ReturnType<typeof crypto.subtle.deriveKey>>;

const utf8 = new TextEncoder();

function createKey(bytes: Uint8Array<ArrayBuffer>): Key {
  const { subtle } = crypto;
  // Made when first needed: some runtimes allow no work before the first request.
  let imported: Promise<Derived> | undefined;
  let id: Promise<string> | undefined;
  const ofSessions = new Map<string, Promise<Derived>>();

  const hkdf = (info: string) => ({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8.encode(info) });

  function master(): Promise<Derived> {
    imported ??= subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]);
    return imported;
  }

  async function derive(handle: string): Promise<Derived> {
    const aes = { name: "AES-GCM", length: 256 };
    return subtle.deriveKey(hkdf(`holdfast entries ${handle}`), await master(), aes, false, ["encrypt", "decrypt"]);
  }

  function keyOf(handle: string): Promise<Derived> {
    let key = ofSessions.get(handle);
    if (!key) {
      if (ofSessions.size >= KEPT_KEYS) ofSessions.clear();
      key = derive(handle);
      ofSessions.set(handle, key);
    }
    return key;
  }

  const algorithm = (iv: Uint8Array<ArrayBuffer>, handle: string, name: string) => ({
    name: "AES-GCM",
    iv,
    additionalData: utf8.encode(`${handle} ${name}`),
  });

  const self: Key = {
    get id() {
      id ??= master()
        .then((key) => subtle.deriveBits(hkdf("holdfast key id"), key, 8 * ID_LENGTH))
        .then((bits) => encodeBase64(new Uint8Array(bits)));
      return id;
    },

    async seal(handle, name, text) {
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
      const key = await keyOf(handle);
      const sealed = await subtle.encrypt(algorithm(iv, handle, name), key, utf8.encode(text));
      const whole = new Uint8Array(NONCE_LENGTH + sealed.byteLength);
      whole.set(iv);
      whole.set(new Uint8Array(sealed), NONCE_LENGTH);
      return `${VERSION}.${await self.id}.${encodeBase64(whole)}`;
    },

    async open(handle, name, sealed) {
      try {
        const whole = decodeBase64(sealed);
        const iv = whole.subarray(0, NONCE_LENGTH);
        const key = await keyOf(handle);
        const text = await subtle.decrypt(algorithm(iv, handle, name), key, whole.subarray(NONCE_LENGTH));
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
      } catch {
        throw unreadable(handle, "was changed, or moved here from elsewhere: it can't be decrypted");
      }
    },
  };
  return self;
}

/** Whether one of the entries is encrypted, for who has no key: it is no text of the serializer's. */
export function isSealed(entries: Entries): boolean {
  for (const text of entries.values()) if (text.startsWith(VERSION) && SEALED.test(text)) return true;
  return false;
}

function unreadable(handle: string, what: string): HoldfastError<"record-corrupt"> {
  const message = `An entry of the stored session ${what}. The session is rejected, and its client begins a new one.`;
  return new HoldfastError("record-corrupt", message, { handle });
}
