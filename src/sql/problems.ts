/** By how much the clocks of two machines may differ before sessions end early or late, in ms. */
const SKEW = 5000;

/** The columns without which a query would go through the whole table. */
const INDEXED = { user_id: "finding a user's sessions", sweep_at: "clearing away expired ones" };

/** What the definitions of a table's indexes (or the names of the columns that lead them) leave out. */
export function missingIndexes(table: string, definitions: readonly string[]): string[] {
  return Object.entries(INDEXED)
    .filter(([column]) => !definitions.some((definition) => definition.includes(column)))
    .map(
      ([column, purpose]) =>
        `The table ${table} has no index on ${column}: ${purpose} goes through all of it. Create it as the store's own schema does.`,
    );
}

/** `server` is its clock in epoch ms, asked for just now. */
export function wrongClock(server: number): string[] {
  const off = Math.round((server - Date.now()) / 1000);
  if (Math.abs(off) * 1000 <= SKEW) return [];
  return [
    `The clocks of this process and of the database differ by ${off} s: sessions end early or late by as much, for some. Let all machines take their time from NTP.`,
  ];
}
