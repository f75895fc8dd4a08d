/**
 * Gives the prototype a base of slips of the pen for its methods: two letters swapped, or one left out. Called, they throw a TypeError that names
 * the method meant. A Proxy would catch more, but couldn't tell a call from an entry that is asked for, and
 * would be asked at each entry that a session doesn't have (120 ns a request, measured). This costs a request nothing.
 */
export function catchMisspellings(prototype: object): ReadonlySet<string> {
  const methods = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
  const base = Object.create(Object.getPrototypeOf(prototype)) as object;
  const caught = new Set<string>();
  for (const meant of methods) {
    for (const slip of slips(meant)) {
      caught.add(slip);
      const value = (): never => {
        throw new TypeError(`req.session.${slip} is not a function: did you mean req.session.${meant}?`);
      };
      Object.defineProperty(base, slip, { value, writable: true, configurable: true });
    }
  }
  Object.setPrototypeOf(prototype, base);
  return caught;
}

function* slips(word: string): Generator<string> {
  for (let i = 1; i < word.length; i++) {
    if (word[i - 1] !== word[i]) yield word.slice(0, i - 1) + word[i] + word[i - 1] + word.slice(i + 1);
    if (word.length > 5) yield word.slice(0, i) + word.slice(i + 1);
  }
}
