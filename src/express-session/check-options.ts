import { nearest } from "../core/misspelt.ts";
import { HoldfastError } from "../errors.ts";

/** Throws `option-unknown` for an option that the function doesn't take. */
export function refuseUnknown(owner: string, options: object, known: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const meant = nearest(option, known);
    const advice = meant ? `did you mean ${meant}?` : `it takes ${known.join(", ")}`;
    throw new HoldfastError("option-unknown", `${owner} has no option ${option}: ${advice}`, {
      option,
      ...(meant && { meant }),
    });
  }
}

/** Throws `option-invalid` where the value lacks one of the methods. */
export function demandMethods(
  owner: string,
  option: string,
  value: object | undefined,
  methods: readonly string[],
): void {
  if (value && methods.every((method) => typeof Reflect.get(value, method) === "function")) return;
  throw new HoldfastError(
    "option-invalid",
    `${owner}: ${option} must be a store with the methods ${methods.join(", ")}.`,
    {
      option,
    },
  );
}
