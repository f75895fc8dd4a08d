export type { Serializer } from "./core/codec.ts";
export type { DeviceAnswer } from "./core/device-binding.ts";
export type { Duration } from "./core/duration.ts";
export type { EventListener, SessionEvents } from "./core/events.ts";
export type { Exchange } from "./core/exchange.ts";
export type { SessionId } from "./core/id.ts";
export type { CookieOptions, SessionsOptions } from "./core/options.ts";
export type { HeaderEdits } from "./core/reply.ts";
export type { Session, SessionData } from "./core/session.ts";
export { createSessions, type IndexedSessions, type SessionInfo, type Sessions } from "./core/sessions.ts";
export type { IdEdit, Received, RequestHead, Transport } from "./core/transport.ts";
export { type AnyHoldfastError, type ErrorCode, type ErrorDetails, HoldfastError, isHoldfastError } from "./errors.ts";
export {
  type Awaitable,
  acceptsSecret,
  applyChange,
  type Change,
  type IndexedStore,
  type ListedRecord,
  type SessionRecord,
  type Store,
  type UpdateCondition,
  type UpdateResult,
} from "./store.ts";
