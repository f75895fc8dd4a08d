/** What became of the requests, and of what was promised. */
export interface Tally {
  /** By kind: a status, and why. */
  readonly answers: Map<string, number>;
  /** Items and notes that were answered with 200. */
  updates: number;
  /** Of these, what wasn't there when it was looked for, though the session had not been ended. Must be 0. */
  lostUpdates: number;
  /** Items that are there twice. Must be 0. */
  doubledUpdates: number;
  /** Logouts, also from another browser, that were answered with 200. */
  logouts: number;
  /** Ids that opened a session after that. Must be 0. */
  undoneLogouts: number;
  /** Answers that showed anything of another browser's. Must be 0. */
  seenByOthers: number;
}

export const newTally = (): Tally => ({
  answers: new Map(),
  updates: 0,
  lostUpdates: 0,
  doubledUpdates: 0,
  logouts: 0,
  undoneLogouts: 0,
  seenByOthers: 0,
});

export const isFlawless = ({ lostUpdates, doubledUpdates, undoneLogouts, seenByOthers }: Tally): boolean =>
  lostUpdates + doubledUpdates + undoneLogouts + seenByOthers === 0;

export function report(tally: Tally): string {
  const kinds = [...tally.answers].sort(([a], [b]) => a.localeCompare(b));
  const lines: [string, number][] = [
    ["requests", kinds.reduce((sum, [, count]) => sum + count, 0)],
    ...kinds.map(([kind, count]): [string, number] => [`  ${kind}`, count]),
    ["updates acknowledged", tally.updates],
    ["  lost", tally.lostUpdates],
    ["  applied twice", tally.doubledUpdates],
    ["logouts acknowledged", tally.logouts],
    ["  undone", tally.undoneLogouts],
    ["seen by another user", tally.seenByOthers],
  ];
  return lines.map(([name, count]) => `${name.padEnd(30)}${String(count).padStart(8)}`).join("\n");
}
