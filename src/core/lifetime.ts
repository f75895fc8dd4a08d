import type { SessionRecord } from "../store.ts";

/** The two timeouts, and the age at which an id is replaced, in ms; Infinity where one is off. At least one timeout is finite. */
export interface Limits {
  readonly idle: number;
  readonly absolute: number;
  readonly renew: number;
}

type Times = Pick<SessionRecord, "createdAt" | "authenticatedAt" | "touchedAt">;

/** When the absolute timeout ends the session, whatever its use: counted from its beginning, or from the last login (NIST SP 800-63B 5.2). */
export function absoluteEnd({ createdAt, authenticatedAt }: Times, { absolute }: Limits): number {
  return (authenticatedAt ?? createdAt) + absolute;
}

/** When the session ends unless it is used again: the nearer of both timeouts. */
export function expiry(times: Times, limits: Limits): number {
  return Math.min(times.touchedAt + limits.idle, absoluteEnd(times, limits));
}

/** Judged by today's timeouts too, so that shortening them ends sessions that were stored under longer ones. */
export function isLive(record: SessionRecord, limits: Limits, now: number): boolean {
  return now < record.expiresAt && now < expiry(record, limits);
}

/** Use is written down only when a tenth of the idle time has passed since it last was. */
export function shouldTouch({ touchedAt }: Times, { idle }: Limits, now: number): boolean {
  return now - touchedAt >= idle / 10;
}

/**
 * Until when a persistent cookie is kept: the absolute end, so that use need not send it again; the server alone enforces the idle timeout.
 * Without an absolute timeout it moves with use.
 */
export function cookieEnd(times: Times, limits: Limits): number {
  const end = absoluteEnd(times, limits);
  return end === Number.POSITIVE_INFINITY ? expiry(times, limits) : end;
}

/** By how much the clocks of two servers may differ, in ms. */
const SKEW = 60_000;

/** How long a request may be under way, in ms. */
const UNDER_WAY = 10_000;

/** How long an id, or a device's proof, lives on that was replaced, in ms: requests that are under way with it find their session. */
const GRACE = 30_000;

export function graceAfter(time: number): number {
  return time + GRACE;
}

/**
 * Whether the id is old enough to be replaced. The record doesn't say when it was made: from the session's beginning, its last login, or a renewal, which
 * the end of its grace tells; that of a login's grace lies before the login.
 */
export function isRenewalDue(
  { createdAt, authenticatedAt = 0, graceUntil = 0 }: SessionRecord,
  { renew }: Limits,
  now: number,
): boolean {
  return now - Math.max(createdAt, authenticatedAt, graceUntil - GRACE) >= renew;
}

/** The end of the grace of an id that is to be dead at once, also on servers whose clocks are behind. */
export function noGrace(now: number): number {
  return now - SKEW;
}

/** Whether a time lies further ahead than clocks differ: it was told by one that is wrong. */
export function isFarAhead(time: number, now: number): boolean {
  return time > now + SKEW;
}

/** Whether an id that was replaced without grace was so just now: whoever shows it was probably under way at the time. */
export function isJustReplaced({ graceUntil = 0 }: SessionRecord, now: number): boolean {
  return now < graceUntil + SKEW + UNDER_WAY;
}
