/** A place where a handler is stopped, for an attack to do something meanwhile. */
export class Stop {
  #reach = (): void => {};
  #go = (): void => {};
  /** Resolves when the handler has come here. */
  readonly reached = new Promise<void>((resolve) => {
    this.#reach = resolve;
  });
  readonly #gone = new Promise<void>((resolve) => {
    this.#go = resolve;
  });

  readonly here = (): Promise<void> => {
    this.#reach();
    return this.#gone;
  };

  readonly go = (): void => this.#go();
}
