import type { Session } from "../core/session.ts";

/** The entries, and under names of their own those that are to be read once: React Router's FlashSessionData. */
type Stored<Data, FlashData> = Partial<
  Data & { [Name in keyof FlashData as `__flash_${Name & string}__`]: FlashData[Name] }
>;

type ValueOf<Data, Name> = Name extends keyof Data ? Data[Name] : undefined;

/** React Router's Session. */
export interface ReactRouterSession<Data, FlashData = Data> {
  /** The handle; empty where the request came without a live session. Never the cookie's value. */
  readonly id: string;
  /** A copy of the entries. */
  readonly data: Stored<Data, FlashData>;
  has(name: (keyof Data | keyof FlashData) & string): boolean;
  /** The entry's value. One that `flash` left is gone with it, once the session is committed. */
  get<Name extends (keyof Data | keyof FlashData) & string>(
    name: Name,
  ): ValueOf<Data, Name> | ValueOf<FlashData, Name> | undefined;
  set<Name extends keyof Data & string>(name: Name, value: Data[Name]): void;
  /** Sets a value that is there until it is read. */
  flash<Name extends keyof FlashData & string>(name: Name, value: FlashData[Name]): void;
  unset(name: keyof Data & string): void;
}

/** React Router's Session, and what it lacks. */
export interface StoredSession<Data extends object, FlashData = Data>
  extends ReactRouterSession<Data, FlashData>,
    Pick<Session<Data>, "userId" | "login" | "regenerate" | "update"> {}

const flashed = (name: string): string => `__flash_${name}__`;

/** holdfast's session, spoken to as React Router's. */
export function storedSession<Data extends object, FlashData>(session: Session<Data>): StoredSession<Data, FlashData> {
  const entries = (): Record<string, unknown> => session.data as Record<string, unknown>;
  const methods: Omit<StoredSession<Data, FlashData>, "id" | "data" | "userId" | "get"> & {
    get(name: string): unknown;
  } = {
    has: (name) => Object.hasOwn(entries(), name) || Object.hasOwn(entries(), flashed(name)),
    get(name) {
      const data = entries();
      if (Object.hasOwn(data, name)) return data[name];
      const value = data[flashed(name)];
      if (value !== undefined) delete data[flashed(name)];
      return value;
    },
    set(name, value) {
      entries()[name] = value;
    },
    flash(name, value) {
      entries()[flashed(name)] = value;
    },
    unset(name) {
      delete entries()[name];
    },
    login: (userId, options) => session.login(userId, options),
    regenerate: () => session.regenerate(),
    update: (entry, fn) => session.update(entry, fn),
  };
  return Object.defineProperties(methods, {
    id: { get: () => (session.isNew ? "" : session.handle), enumerable: true },
    data: { get: () => ({ ...session.data }), enumerable: true },
    userId: { get: () => session.userId, enumerable: true },
  }) as StoredSession<Data, FlashData>;
}
