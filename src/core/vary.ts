/** The Vary header's value with these names added, where it hasn't got them. */
export function addVary(before: string, names: string): string {
  const known = before.toLowerCase().split(/\s*,\s*/);
  if (known.includes("*")) return before;
  const added = names.split(", ").filter((name) => !known.includes(name.toLowerCase()));
  return [before, ...added].join(", ");
}
