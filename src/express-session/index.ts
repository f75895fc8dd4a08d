export { Cookie, type CookieOptions } from "./cookie.ts";
export { type ExpressStoreOptions, expressStore, type LostWrite } from "./express-store.ts";
export { MemoryStore } from "./memory.ts";
export { type Middleware, session as default, session as "module.exports" } from "./middleware.ts";
export type { SessionOptions } from "./options.ts";
export { Session, type SessionData } from "./session.ts";
export { Store } from "./store.ts";
export { type ByUser, type StoredSession, type ToExpressStoreOptions, toExpressStore } from "./to-express-store.ts";
export { type ExpressTransportOptions, expressTransport } from "./transport.ts";
