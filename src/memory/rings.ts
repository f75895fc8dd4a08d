import { Table } from "./table.ts";

/** Doubly linked rings of rows, entered and left in O(1). A row is in one ring at a time; heads are negative nodes. */
export class Rings {
  readonly #heads: number;
  readonly #links = new Table(2, Int32Array);

  constructor(heads: number) {
    this.#heads = heads;
    for (let head = -heads; head < 0; head++) this.add(head);
  }

  next(node: number): number {
    return this.#links.get(node + this.#heads, 0);
  }

  previous(node: number): number {
    return this.#links.get(node + this.#heads, 1);
  }

  /** Adds the node, as a ring of its own. */
  add(node: number): void {
    this.#links.add(node + this.#heads);
    this.#join(node, node);
  }

  remove(node: number): void {
    this.#join(this.previous(node), this.next(node));
    this.#join(node, node);
  }

  /** Moves the node from its ring to the place behind `ahead`. */
  moveUp(node: number, ahead: number): void {
    this.remove(node);
    this.#join(node, this.next(ahead));
    this.#join(ahead, node);
  }

  /** Puts all the nodes under one head before another one, at the end of its ring. */
  splice(head: number, into: number): void {
    const first = this.next(head);
    if (first === head) return;
    const last = this.previous(head);
    this.#join(this.previous(into), first);
    this.#join(last, into);
    this.#join(head, head);
  }

  #join(node: number, next: number): void {
    this.#links.set(node + this.#heads, 0, next);
    this.#links.set(next + this.#heads, 1, node);
  }
}
