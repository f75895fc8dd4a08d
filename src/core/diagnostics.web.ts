/** Where there is no node:diagnostics_channel, `sessions.on` alone tells of events. */
export function publisher(_name: string): (event: object) => void {
  return () => {};
}
