import { HoldfastError } from "holdfast";
import { expect, it } from "vitest";
import { errorStatus } from "../../src/core/status.ts";

it.each([
  [new HoldfastError("store-closed", "", { operation: "read" }), 503],
  [{ status: 400 }, 400],
  [{ status: 599 }, 599],
  [{ status: 399 }, 500],
  [{ status: 600 }, 500],
  [{ status: Number.NaN }, 500],
  [{ status: "404" }, 500],
  [new Error("no status"), 500],
  ["a text", 500],
  [undefined, 500],
  [null, 500],
])("%o is answered with its own status where that is an error's, else with 500", (error, status) => {
  expect(errorStatus(error)).toBe(status);
});
