/** The status that answers an error: its own, as those of holdfast and of most frameworks have one, or 500. */
export function errorStatus(error: unknown): number {
  const status = (error as { status?: unknown } | null | undefined)?.status;
  return typeof status === "number" && status >= 400 && status < 600 ? status : 500;
}
