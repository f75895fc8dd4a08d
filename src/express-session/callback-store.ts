/** What every store of express-session's has; it takes and answers sessions as its own types say. */
export interface CallbackStore {
  get(sid: string, callback: (error?: unknown, session?: object | null) => void): unknown;
  set(sid: string, session: never, callback: (error?: unknown) => void): unknown;
  destroy(sid: string, callback: (error?: unknown) => void): unknown;
}

export const CALLBACK_METHODS = ["get", "set", "destroy"];

/** The session under the sid. The error ENOENT means that there is none, as express-session has it: stores in files answer so. */
export async function readFrom<Row extends object>(store: CallbackStore, sid: string): Promise<Row | undefined> {
  try {
    const row = await promised<object | null | undefined>((done) => store.get(sid, done));
    return (row ?? undefined) as Row | undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

export function writeTo(store: CallbackStore, sid: string, row: object): Promise<void> {
  return promised<void>((done) => store.set(sid, row as never, done));
}

export function destroyIn(store: CallbackStore, sid: string): Promise<void> {
  return promised<void>((done) => store.destroy(sid, done));
}

function promised<T>(start: (done: (error?: unknown, value?: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}
