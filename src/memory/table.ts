/** Numbers in columns. It grows by pages of 1,024 rows, so that it never copies itself. */
export class Table {
  readonly #columns: number;
  readonly #Page: typeof Float64Array | typeof Int32Array;
  readonly #pages: (Float64Array | Int32Array)[] = [];

  constructor(columns: number, Page: typeof Float64Array | typeof Int32Array) {
    this.#columns = columns;
    this.#Page = Page;
  }

  get(row: number, column: number): number {
    return this.#pages[row >>> 10]![(row & 1023) * this.#columns + column]!;
  }

  set(row: number, column: number, value: number): void {
    this.#pages[row >>> 10]![(row & 1023) * this.#columns + column] = value;
  }

  add(row: number): void {
    this.#pages[row >>> 10] ??= new this.#Page(1024 * this.#columns);
  }
}
