import { randomBytes } from "node:crypto";

/** Marks of a row's last writes, the newest first: each writer puts its own in front of those it found. */
export type Trail = readonly string[];

/** So many marks a row carries. */
const TRAIL = 16;

/** So many writes a process remembers. */
const REMEMBERED = 10_000;

type Write = { readonly mark: string; readonly version: number } | "delete";

/** What this process wrote last under each handle, to tell by a row's trail whether another process undid it. */
export class RecentWrites {
  readonly #writes = new Map<string, Write>();

  /** The trail of a row that we write over one with this trail. */
  extend(trail: Trail): Trail {
    return [randomBytes(6).toString("base64url"), ...trail].slice(0, TRAIL);
  }

  remember(handle: string, write: Write): void {
    this.#writes.delete(handle);
    this.#writes.set(handle, write);
    const [oldest] = this.#writes.keys();
    if (this.#writes.size > REMEMBERED) this.#writes.delete(oldest!);
  }

  /** What of ours the row under the handle was written without, if anything. Told once. */
  lostIn(handle: string, version: number, trail: Trail): "update" | "delete" | undefined {
    const write = this.#writes.get(handle);
    if (!write) return undefined;
    if (write === "delete") return "delete";
    // Where the row has come so far that our mark would have left its trail, nobody can tell.
    if (trail.includes(write.mark) || version >= write.version + TRAIL) return undefined;
    this.#writes.delete(handle);
    return "update";
  }
}
