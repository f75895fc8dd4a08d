import type { HoldfastError } from "../errors.ts";
import type { Session } from "./session.ts";

/** A session where it can be read and not changed: its `data` and the values in it are frozen. */
export type ReadonlySession<Data extends object> = Pick<
  Session<Data>,
  | "isNew"
  | "isReadOnly"
  | "handle"
  | "userId"
  | "isDeviceBound"
  | "createdAt"
  | "expiresAt"
  | "authenticatedAt"
  | "requireFresh"
  | "toJSON"
> & { readonly data: Readonly<Partial<Data>> };

const CHANGING: ReadonlySet<string | symbol> = new Set<keyof Session>([
  "login",
  "reauthenticate",
  "regenerate",
  "destroy",
  "update",
  "save",
  "reload",
  "flash",
]);

/** The session, for a place from where nothing could be saved. What would change it throws what `refusal` makes. */
export function readOnly<Data extends object>(
  session: Session<Data>,
  refusal: () => HoldfastError,
): ReadonlySession<Data> {
  const refuse = (): never => {
    throw refusal();
  };
  const data = new Proxy(session.data, {
    get: (entries, name) => freeze(Reflect.get(entries, name)),
    set: refuse,
    deleteProperty: refuse,
    defineProperty: refuse,
  });
  return new Proxy(session, {
    get(target, name) {
      if (name === "data") return data;
      if (CHANGING.has(name)) return refuse;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: refuse,
  });
}

/** A change deep in a value would leave no trace: it has to fail where it is made. */
function freeze(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
