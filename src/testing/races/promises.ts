import assert from "node:assert/strict";
import { isHoldfastError } from "../../errors.ts";
import type { SessionRecord } from "../../store.ts";
import type { Data, Side } from "./operations.ts";
import type { KnownId, Outcome, Race, Step } from "./play.ts";

/** A race in one order of its calls: where two came at once, either may have been the first. */
export interface Story extends Race {
  readonly moments: readonly Moment[];
  /** The session when all is over. */
  readonly end: State;
}

/** A call, and the session as it must have been before. */
interface Moment {
  readonly step: Step;
  readonly before: State;
}

interface State {
  readonly isLive: boolean;
  /** Hashes of the secrets that open it: the newest, and one in its grace. */
  readonly accepted: readonly string[];
  readonly userId: string | undefined;
  readonly version: number;
  readonly entries: Partial<Data>;
}

/** Tells the race call by call: what a call made of the session is what its operation is for, where the store said that it is in. */
export function tell(race: Race, steps: readonly Step[]): Story {
  const { record } = race;
  let state: State = {
    isLive: true,
    accepted: [record.secretHash],
    userId: record.userId,
    version: 1,
    entries: entriesOf(record),
  };
  const moments = steps.map((step) => {
    const before = state;
    state = after(race, before, step);
    return { step, before };
  });
  return { ...race, moments, end: state };
}

function after(race: Race, state: State, step: Step): State {
  if (endsIt(race, state, step)) return { ...state, isLive: false };
  if (step.does !== "update" || step.answer?.status !== "updated") return state;
  const { operation } = race.outcomes[step.by];
  if (operation.kind !== "request") return state;
  const { rotate } = step.change;
  const inGrace = rotate && rotate.graceUntil > Date.now() ? state.accepted.slice(0, 1) : [];
  return {
    ...state,
    version: state.version + 1,
    accepted: rotate ? [rotate.secretHash, ...inGrace] : state.accepted,
    userId: operation.userId?.(race.target) ?? state.userId,
    entries: operation.effect?.(state.entries, step.by) ?? state.entries,
  };
}

function endsIt({ target }: Race, { userId }: State, step: Step): boolean {
  switch (step.does) {
    case "expire":
      return true;
    case "delete":
      return step.handle === target.handle;
    case "deleteAll":
      return step.userId === userId && step.except !== target.handle;
    default:
      return false;
  }
}

/** What the contract promises of any two operations that overlap. Each throws an `AssertionError` where it doesn't hold. */
export const promises: Readonly<Record<string, (story: Story) => void>> = {
  "a request that was refused is told so by session-gone, and no other fails"(story) {
    for (const side of SIDES) {
      const { operation, error } = story.outcomes[side];
      const silent = operation.kind === "act" || operation.silent;
      if (!silent && isRefused(story, side))
        assert.ok(isHoldfastError(error) && error.code === "session-gone", told(error));
      else assert.equal(error, undefined, told(error));
    }
  },

  "the store serves the session while it lives, and not after it has ended"({ moments, target }) {
    for (const { step, before } of moments) {
      if (step.does !== "read" || step.handle !== target.handle) continue;
      assert.equal(step.answer !== undefined, before.isLive);
      if (step.answer) assert.equal(step.answer.version, before.version);
    }
  },

  "a request sees all that was saved before it opened, and nothing else"(story) {
    for (const side of SIDES) {
      const opening = openingOf(story, side);
      if (!opening) continue;
      const { isLive, entries } = opening.before;
      const opens = isLive && accepts(opening.before, story.record.secretHash);
      assert.deepEqual(story.outcomes[side].saw, opens ? entries : undefined);
    }
  },

  "an end is final: what comes after it writes nothing"(story) {
    for (const { step, before } of updatesOf(story)) if (!before.isLive) assert.equal(step.answer?.status, "gone");
  },

  "a request from before a login or a new id writes nothing after it"(story) {
    for (const { step, before } of updatesOf(story)) {
      if (before.isLive && !accepts(before, step.condition.secretHash)) assert.equal(step.answer?.status, "gone");
    }
  },

  "what was answered well is saved"(story) {
    for (const side of SIDES) {
      const { operation, error } = story.outcomes[side];
      if (error || operation.kind === "act" || !operation.effect) continue;
      const isSaved = ({ by, ...step }: Step) =>
        by === side && ((step.does === "update" && step.answer?.status === "updated") || step.does === "create");
      assert.ok(story.moments.some(({ step }) => isSaved(step)));
    }
  },

  "any other change goes in, unless it is for a version that is past"(story) {
    for (const { step, before } of updatesOf(story)) {
      if (!before.isLive || !accepts(before, step.condition.secretHash)) continue;
      const { ifVersion = before.version } = step.condition;
      assert.equal(step.answer?.status, ifVersion === before.version ? "updated" : "conflict");
    }
  },

  "the version rises by one with each change"(story) {
    for (const { step, before } of updatesOf(story)) {
      if (step.answer?.status === "updated") assert.equal(step.answer.version, before.version + 1);
    }
    if (story.end.isLive) assert.equal(recordOf(story)?.version, story.end.version);
  },

  "the entries are what the requests make of them one after another: no change is lost, and what none touched stays"(
    story,
  ) {
    if (story.end.isLive) assert.deepEqual(entriesOf(recordOf(story)), story.end.entries);
  },

  "of several ends the first finds the session, and no other"({ moments, target }) {
    for (const { step, before } of moments) {
      if (step.does === "delete") assert.equal(step.answer, before.isLive);
      if (step.does === "deleteAll" && before.userId === step.userId)
        assert.deepEqual(step.answer, before.isLive ? [target.handle] : []);
    }
  },

  "the session is there for every client of the store, or for none"(story) {
    for (const record of story.records.get(story.target.handle)!) assert.equal(record !== undefined, story.end.isLive);
  },

  "a new id by schedule leaves the one before it alive, for requests under way"(story) {
    const renames = SIDES.some((side) => {
      const { operation } = story.outcomes[side];
      return operation.kind === "request" && operation.renames;
    });
    if (story.end.isLive && !renames) for (const { opens } of ownIds(story)) assert.ok(opens);
  },

  "the newest id opens the session, and no other but one in its grace"(story) {
    const { isLive } = story.end;
    for (const { opens, secretHash } of ownIds(story)) assert.equal(opens, isLive && accepts(story.end, secretHash));
    if (isLive)
      assert.ok(
        ownIds(story).some(({ opens }) => opens),
        "nobody has an id of it",
      );
  },

  "a login hands no user's session to another"(story) {
    for (const { step, before } of updatesOf(story)) {
      const { operation } = story.outcomes[step.by];
      const userId = operation.kind === "request" ? operation.userId?.(story.target) : undefined;
      if (step.answer?.status !== "updated" || userId === undefined) continue;
      assert.ok(before.userId === undefined || before.userId === userId);
    }
  },

  "the session is its user's, and in that user's list alone"(story) {
    const { end, target } = story;
    if (end.isLive) assert.equal(recordOf(story)?.userId, end.userId);
    for (const [userId, handles] of story.lists ?? [])
      assert.equal(handles.includes(target.handle), end.isLive && end.userId === userId);
  },

  "a request without a session begins one of its own, with nothing in it but what that request put there"(story) {
    for (const { step } of story.moments) {
      if (step.does !== "create") continue;
      const { operation } = story.outcomes[step.by];
      assert.ok(operation.kind === "request" && step.handle !== story.target.handle);
      const [record] = story.records.get(step.handle)!;
      const loggedIn = operation.userId?.(story.target);
      assert.deepEqual(entriesOf(record), operation.effect?.({}, step.by) ?? {});
      assert.equal(record?.userId, loggedIn);
      for (const [userId, handles] of story.lists ?? [])
        assert.equal(handles.includes(step.handle), userId === loggedIn);
    }
    for (const [, handles] of story.lists ?? []) for (const handle of handles) assert.ok(story.records.has(handle));
  },

  "a request that a new id has overtaken leaves its client the cookie of that id"(story) {
    for (const side of SIDES) {
      const opening = openingOf(story, side);
      const { operation, id, cleared } = story.outcomes[side];
      if (!opening?.before.isLive || accepts(opening.before, story.record.secretHash)) continue;
      if (operation.kind === "request" && !operation.userId)
        assert.deepEqual({ id, cleared }, { id: undefined, cleared: undefined });
    }
  },
};

const SIDES = ["a", "b"] as const;

const accepts = ({ accepted }: State, secretHash: string): boolean => accepted.includes(secretHash);

/** The moment at which a request looked for its session. */
const openingOf = ({ moments, outcomes }: Story, side: Side): Moment | undefined =>
  outcomes[side].operation.kind === "request" ? moments.find(({ step }) => step.by === side) : undefined;

function updatesOf({ moments }: Story): { step: Extract<Step, { does: "update" }>; before: State }[] {
  return moments.flatMap(({ step, before }) => (step.does === "update" ? [{ step, before }] : []));
}

/** Whether the last that a request asked of the store was of a session which isn't its own any more. */
function isRefused(story: Story, side: Side): boolean {
  const own = story.moments.filter(({ step }) => step.by === side);
  const last = own.at(-1);
  if (last?.step.does === "update") return last.step.answer?.status === "gone";
  const reread = own.length > 1 && last?.step.does === "read";
  return Boolean(reread && !(last.before.isLive && accepts(last.before, story.record.secretHash)));
}

const recordOf = ({ records, target }: Story): SessionRecord | undefined => records.get(target.handle)?.[0];

const ownIds = ({ ids, target }: Story): KnownId[] => ids.filter(({ handle }) => handle === target.handle);

/** Without the entries that the core keeps for itself. */
function entriesOf(record: SessionRecord | undefined): Partial<Data> {
  const own = [...(record?.entries ?? [])].filter(([name]) => !name.startsWith("~"));
  return Object.fromEntries(own.map(([name, text]) => [name, JSON.parse(text)]));
}

const told = (error: Outcome["error"]): string => `it ended with ${error ?? "no error"}`;
