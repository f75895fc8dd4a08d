import type { Change, SessionRecord } from "../store.ts";
import type { EntryChanges } from "./data.ts";
import { BOUND } from "./device.ts";
import { expiry, isRenewalDue, type Limits, shouldTouch } from "./lifetime.ts";

/** What the handler asked for beside its changes. */
export type Intent =
  | { readonly kind: "commit" }
  /** A commit that holds only at one version, so that it must reach the store even where nothing changed. */
  | { readonly kind: "compare" }
  /** `after`: the user's login before, epoch ms. */
  | { readonly kind: "login"; readonly userId: string; readonly after: number }
  | { readonly kind: "regenerate" }
  | { readonly kind: "destroy" };

/** What the store is to be asked: one call, or none. */
export type Plan =
  | { readonly kind: "none" }
  | { readonly kind: "create"; readonly record: Omit<SessionRecord, "secretHash"> }
  | { readonly kind: "rotate"; readonly change: Change }
  /** `renew`: with a new id, unless another request is quicker. */
  | { readonly kind: "touch" | "update"; readonly change: Change; readonly renew: boolean }
  | { readonly kind: "destroy" };

const NONE: ReadonlyMap<string, string> = new Map();
const NO_NAMES: readonly string[] = [];
const NOTHING: Plan = { kind: "none" };

export interface Situation {
  /** The record as this request knows it; undefined while nothing is stored. */
  readonly record: SessionRecord | undefined;
  readonly createdAt: number;
  /** Undefined where no entry was touched. */
  readonly changes: EntryChanges | undefined;
  /** Whether the device showed its proof for the first time, which is to be written down with whatever else is. */
  readonly firstProof: boolean;
  readonly limits: Limits;
  /** Whether the client can be given a new id, and has the newest that there is. */
  readonly renewable: boolean;
  readonly now: number;
}

/** The one place that decides whether and what to write. Pure. */
export function plan(
  intent: Intent,
  { record, createdAt, changes, firstProof, limits, renewable, now }: Situation,
): Plan {
  if (intent.kind === "destroy") return { kind: "destroy" };

  const { set = NONE, remove = NO_NAMES } = changes ?? {};
  const login =
    intent.kind === "login" ? { userId: intent.userId, authenticatedAt: Math.max(now, intent.after + 1) } : undefined;

  if (!record) {
    if (set.size === 0 && !login) return NOTHING;
    const times = { createdAt, touchedAt: now, ...login };
    return { kind: "create", record: { ...times, entries: set, expiresAt: expiry(times, limits), version: 1 } };
  }

  const renew = renewable && intent.kind === "commit" && isRenewalDue(record, limits, now);
  const isTouchDue = renew || firstProof || shouldTouch(record, limits, now);
  const kind = kindOf(intent, set.size > 0 || remove.length > 0, isTouchDue);
  if (kind === "none") return NOTHING;
  const authenticatedAt = login?.authenticatedAt ?? record.authenticatedAt;
  const change: { -readonly [Field in keyof Change]: Change[Field] } = {
    touchedAt: now,
    expiresAt: expiry({ createdAt: record.createdAt, authenticatedAt, touchedAt: now }, limits),
  };
  if (firstProof) change.set = new Map(set).set(BOUND, "true");
  else if (set.size > 0) change.set = set;
  if (remove.length > 0) change.remove = remove;
  if (login) Object.assign(change, login);
  return kind === "rotate" ? { kind, change } : { kind, change, renew };
}

function kindOf(intent: Intent, isChanged: boolean, isTouchDue: boolean): "none" | "touch" | "update" | "rotate" {
  if (intent.kind === "login" || intent.kind === "regenerate") return "rotate";
  if (isChanged) return "update";
  return intent.kind === "compare" || isTouchDue ? "touch" : "none";
}
