import { random, sha256 } from "#crypto";
import type { Awaitable, SessionRecord } from "../store.ts";
import { after } from "./after.ts";
import type { Serializer } from "./codec.ts";
import { candidates, clearCookie } from "./cookie.ts";
import { digestSecret, hashSecret, isSecret, matchSecret, newSecret, sameText } from "./id.ts";
import { ALGORITHMS, type DeviceKey } from "./jwt.ts";
import { graceAfter } from "./lifetime.ts";
import type { Cookie, Settings } from "./options.ts";
import type { RequestHead } from "./transport.ts";

/** The option `deviceBound`, settled. */
export interface DeviceBound {
  /** Where browsers register a key, and prove that they have it. */
  readonly path: string;
  /** How long one proof holds, in ms. */
  readonly lifetime: number;
  /** The cookie that shows it. */
  readonly cookie: Cookie;
}

/** The entries beside a session's data, one for each who writes it: so that no writer's change is another's loss. */
export const REGISTRATION = "~registration";
export const BINDING = "~binding";
export const BOUND = "~bound";

/** What a login leaves: the hash, as of a session's secret, of the one challenge by which a key may be registered, until then (epoch ms). */
export interface Registration {
  readonly secretHash: string;
  readonly until: number;
}

/** The session's device: its key, pinned at the registration, and its latest proof. */
export interface Binding extends DeviceKey {
  /** What challenges are made of. Each proof brings another, so none answers a challenge that was answered before. */
  readonly seed: string;
  /** The hash of the proof that the device cookie holds, as of a session's secret; and the end of its time, epoch ms. */
  readonly secretHash: string;
  readonly until: number;
  /** The proof before, which holds until `graceUntil`. A registration has none: until then requests under way need no proof. */
  readonly previousHash?: string;
  readonly graceUntil: number;
}

/** So long before the end of a proof Chromium fetches the next, ms. If the answer gets lost, it shows the old one for the rest of its time. */
const EARLY = 2 * 60_000;

/** A browser makes its key within seconds; some ask a chip for it. */
const REGISTRATION_TIME = 5 * 60_000;

/** The store keeps no challenge: whoever reads it, and stole a cookie, could answer. */
export async function newRegistration(
  now: number,
): Promise<{ readonly registration: Registration; readonly challenge: string }> {
  const challenge = newSecret();
  return { registration: { secretHash: await hashSecret(challenge), until: now + REGISTRATION_TIME }, challenge };
}

export async function isAnsweredBy(registration: Registration, jti: string, now: number): Promise<boolean> {
  return now < registration.until && matchSecret(registration, await digestSecret(jti), now) === "current";
}

/** The binding with a new proof, which the device cookie is to hold. */
export async function prove(
  key: DeviceKey,
  before: Binding | undefined,
  { lifetime }: DeviceBound,
  now: number,
): Promise<{ readonly binding: Binding; readonly proof: string }> {
  const proof = newSecret();
  const binding: Binding = {
    alg: key.alg,
    jwk: key.jwk,
    seed: random(16),
    secretHash: await hashSecret(proof),
    until: graceAfter(now + lifetime),
    ...(before && { previousHash: before.secretHash }),
    // A proof that has had its time gets no other.
    graceUntil: before ? Math.min(before.until, graceAfter(now + EARLY)) : graceAfter(now),
  };
  return { binding, proof };
}

/** What a login's response asks the browser by (W3C DBSC 8.2). */
export function registrationHeader({ path }: DeviceBound, challenge: string): readonly [string, string] {
  return ["Secure-Session-Registration", `(${ALGORITHMS.join(" ")});path="${path}";challenge="${challenge}"`];
}

/** What the device is to sign next. It changes with each proof, and with time. */
export function challengeOf({ seed }: Binding, { lifetime }: DeviceBound, now: number): Awaitable<string> {
  return sha256(`challenge ${Math.floor(now / lifetime)} ${seed}`);
}

/** Whether it is the device's challenge, or was until a lifetime ago: no older one may have been signed in store. */
export function isChallenge(binding: Binding, jti: string, device: DeviceBound, now: number): Awaitable<boolean> {
  return after(challengeOf(binding, device, now), (current) => {
    if (sameText(jti, current)) return true;
    return after(challengeOf(binding, device, now - device.lifetime), (previous) => sameText(jti, previous));
  });
}

/**
 * Whether a request comes from its session's device, as far as that must be: it `holds`, for the first time (`begins`) or without any need; it does not; or it can't be
 * told, and must not pass for a session that is bound to none. Until the browser has once shown a proof, for all we know it never got one.
 */
export function verifyDevice(
  { deviceBound, serializer }: Pick<Settings, "deviceBound" | "serializer">,
  head: RequestHead,
  entries: SessionRecord["entries"],
): Awaitable<"holds" | "begins" | "unproven" | "unreadable"> {
  if (!deviceBound || !entries.has(BINDING)) return "holds";
  const binding = readEntry(serializer, entries, BINDING, isBinding);
  if (!binding || binding === "unreadable") return "unreadable";
  const cookies = candidates(head.header("cookie"), deviceBound.cookie.name);
  return after(judge(binding, cookies, Date.now()), (verdict) => {
    if (entries.has(BOUND)) return verdict === "unproven" ? verdict : "holds";
    return verdict === "proven" ? "begins" : "holds";
  });
}

/**
 * What the device cookies of a request show: a proof that holds; none, where one is not needed yet, for the binding is young; or nothing.
 */
function judge(binding: Binding, cookies: readonly string[], now: number): Awaitable<"proven" | "young" | "unproven"> {
  const otherwise = binding.previousHash === undefined && now < binding.graceUntil ? "young" : "unproven";
  const proofs = cookies.filter(isSecret).slice(0, MAX_PROOFS);
  const judgeFirst = (from: number): Awaitable<"proven" | "young" | "unproven"> => {
    const proof = proofs[from];
    if (proof === undefined) return otherwise;
    return after(digestSecret(proof), (digest) => {
      const match = matchSecret(binding, digest, now);
      return match === "previous" || (match === "current" && now < binding.until) ? "proven" : judgeFirst(from + 1);
    });
  };
  return judgeFirst(0);
}

/**
 * Whether a browser that showed no proof that holds may still get one: it says that it was kept from asking (W3C DBSC, `Secure-Session-Skipped`), or has one that held
 * before. Any other has lost its key, and would go out for a proof no more.
 */
export function mayProve(head: RequestHead, device: DeviceBound): boolean {
  if (head.header("secure-session-skipped") !== undefined) return true;
  return hasDeviceCookie(head, device);
}

export function hasDeviceCookie(head: RequestHead, { cookie }: DeviceBound): boolean {
  return candidates(head.header("cookie"), cookie.name).length > 0;
}

/** The Set-Cookie that takes the proof back. A browser that still has its binding asks for another, and is told then that the session is over. */
export function noProof({ cookie }: DeviceBound): string {
  return clearCookie(cookie.name, cookie.attributes);
}

/** More than any honest browser sends. */
const MAX_PROOFS = 5;

/** One of the entries above. Undefined where there is none, `"unreadable"` where it can't be read: such a session must not pass for an unbound one. */
export function readEntry<T extends object>(
  serializer: Serializer,
  entries: ReadonlyMap<string, string>,
  name: string,
  is: (value: Partial<Record<keyof T, unknown>>) => value is T,
): T | "unreadable" | undefined {
  const text = entries.get(name);
  if (text === undefined) return undefined;
  try {
    const value = serializer.parse(text);
    return typeof value === "object" && value !== null && is(value) ? value : "unreadable";
  } catch {
    return "unreadable";
  }
}

export function isRegistration(value: Partial<Record<keyof Registration, unknown>>): value is Registration {
  return typeof value.secretHash === "string" && Number.isFinite(value.until);
}

export function isBinding(value: Partial<Record<keyof Binding, unknown>>): value is Binding {
  const { alg, jwk, seed, secretHash, until, previousHash = "", graceUntil } = value;
  const texts = [alg, seed, secretHash, previousHash];
  return (
    texts.every((each) => typeof each === "string") &&
    typeof jwk === "object" &&
    [until, graceUntil].every(Number.isFinite)
  );
}
