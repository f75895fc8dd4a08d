import { format } from "node:util";

interface Heard {
  readonly kind: string;
  readonly text: string;
}

const scans: Scan[] = [];
const open = new Set<Scan>();

/** Looks for ids of an app's sessions in everything the app says: log lines, errors, events, rows, pages, headers. */
export class Scan {
  readonly secrets: Set<string> = new Set();
  readonly texts: Heard[] = [];
  readonly library: string;
  readonly #secretOf: (id: string) => string;

  constructor(library: string, secretOf: (id: string) => string) {
    this.library = library;
    this.#secretOf = secretOf;
    scans.push(this);
    open.add(this);
  }

  /** By this Set-Cookie. */
  issued(setCookie: string): void {
    const pair = setCookie.split(";", 1)[0]!;
    const secret = this.#secretOf(decodeURIComponent(pair.slice(pair.indexOf("=") + 1)));
    if (secret.length >= 16) this.secrets.add(secret);
  }

  heard(kind: string, text: string | undefined): void {
    if (text) this.texts.push({ kind, text });
  }

  /** Where an id was found: the kinds of text. */
  found(): string[] {
    return [...new Set(findings(this.secrets, this.texts).map(({ kind }) => kind))];
  }

  close(): void {
    open.delete(this);
  }
}

/** The texts in which any of the secrets stands. Secrets of one library are of one length, so each text is cut once into all pieces of it. */
function findings(secrets: ReadonlySet<string>, texts: readonly Heard[]): Heard[] {
  const lengths = [...new Set([...secrets].map(({ length }) => length))];
  const has = (run: string): boolean =>
    lengths.some((length) => {
      for (let i = 0; i + length <= run.length; i++) if (secrets.has(run.slice(i, i + length))) return true;
      return false;
    });
  return texts.filter(({ text }) => [...text.matchAll(/[\w-]{16,}/g)].some(([run]) => has(run)));
}

/** Everything that was heard of a library so far, in this process. */
export function total(library: string): { apps: number; secrets: number; texts: number; found: readonly Heard[] } {
  const own = scans.filter((scan) => scan.library === library);
  const secrets = new Set(own.flatMap((scan) => [...scan.secrets]));
  const texts = own.flatMap((scan) => scan.texts);
  return { apps: own.length, secrets: secrets.size, texts: texts.length, found: findings(secrets, texts) };
}

const METHODS = ["debug", "info", "log", "warn", "error", "trace"] as const;

/** Has every open scan hear what is logged, which is printed no more. */
export function listenToConsole(): void {
  for (const method of METHODS) {
    console[method] = (...args: unknown[]) => {
      const text = format(...args);
      for (const scan of open) scan.heard("log", text);
    };
  }
}

/** Answers the lines logged from here on that hold what has the form of an id, whoever gave it out. */
export function idsOnConsole(): readonly string[] {
  const found: string[] = [];
  for (const method of METHODS) {
    const print = console[method];
    console[method] = (...args: unknown[]) => {
      const text = format(...args);
      if (/(?<![\w-])[\w-]{22}\.[\w-]{43}(?![\w-])/.test(text)) found.push(text);
      print.apply(console, args);
    };
  }
  return found;
}
