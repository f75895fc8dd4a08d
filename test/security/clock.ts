const RealDate = Date;
let offset = 0;

/** The time goes on, from later. */
const ShiftedDate = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [target.now() + offset] : args, newTarget),
  get: (target, name) => (name === "now" ? () => target.now() + offset : Reflect.get(target, name)),
});

/** Lets so many ms pass for whatever in this process asks for the time. */
export function pass(ms: number): void {
  offset += ms;
  globalThis.Date = ShiftedDate;
}

/** Back to the true time. */
export function resetClock(): void {
  offset = 0;
  globalThis.Date = RealDate;
}
