import type { Change } from "../store.ts";

/** A row's entries in one list, name, text, name, text …: a Map of each would take more memory than they do. */
export function pack(entries: ReadonlyMap<string, string>): readonly string[] {
  const packed = new Array<string>(2 * entries.size);
  let i = 0;
  for (const [name, text] of entries) {
    packed[i++] = name;
    packed[i++] = text;
  }
  return packed;
}

/** The packed entries after the change: each in its place, new ones at the end. */
export function merge(packed: readonly string[], { set, remove }: Change): readonly string[] {
  if (!set && !remove) return packed;
  const merged = remove ? without(packed, remove) : packed.slice();
  let replaced = 0;
  for (let i = 0; set && i < merged.length; i += 2) {
    const text = set.get(merged[i]!);
    if (text === undefined) continue;
    merged[i + 1] = text;
    replaced++;
  }
  if (set && replaced < set.size) {
    const known = unpack(merged);
    set.forEach((text, name) => void (known.has(name) || merged.push(name, text)));
  }
  return merged;
}

function without(packed: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < packed.length; i += 2) if (!names.includes(packed[i]!)) kept.push(packed[i]!, packed[i + 1]!);
  return kept;
}

export function unpack(packed: readonly string[]): Map<string, string> {
  const entries = new Map<string, string>();
  for (let i = 0; i < packed.length; i += 2) entries.set(packed[i]!, packed[i + 1]!);
  return entries;
}
