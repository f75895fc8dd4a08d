/** What the benchmarks share: medians, and one form of table. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function table(title: string, rows: readonly object[]): void {
  console.log(`\n${title}`);
  console.table(rows);
}
