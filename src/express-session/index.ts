import { Cookie } from "./cookie.ts";
import { MemoryStore } from "./memory.ts";
import { session as middleware } from "./middleware.ts";
import { Session } from "./session.ts";
import { Store } from "./store.ts";

export const session = Object.assign(middleware, { Store, Cookie, Session, MemoryStore });
export { Cookie, MemoryStore, Session, Store, session as default, session as "module.exports" };
