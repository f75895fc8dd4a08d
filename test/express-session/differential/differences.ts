import type { Outcome } from "./play.ts";
import type { Script, Step, Visit } from "./script.ts";

/** A difference that is meant. */
export interface Difference {
  readonly what: string;
  readonly why: string;
  /** Whether a difference between these outcomes of a visit is this one. Nothing after it is compared, as the two clients' sessions part there. */
  readonly explains: (script: Script, visit: Visit, theirs: Outcome, ours: Outcome) => boolean;
  /** A script that shows it: options and visits over the plainest ones. */
  readonly example: { options?: Partial<Script["options"]>; failing?: string; visits: Partial<Visit>[] };
}

const set: Step = { do: "set", entry: "a", value: 1 };

const failed = (message: RegExp, { status, errors }: Outcome): boolean =>
  status === 500 && errors.some((text) => message.test(text));

const count = (method: string, { calls }: Outcome): number => calls.filter((call) => call.startsWith(method)).length;

/** The one list of what the drop-in does otherwise than express-session 1.19. */
export const DIFFERENCES: readonly Difference[] = [
  {
    what: "A session that can't be saved, or destroyed by unset, is an error and not a success",
    why: "express-session answers success, and tells the error handlers when it is too late",
    explains: (_script, _visit, _theirs, ours) => failed(/(set|destroy) failed/, ours),
    example: { failing: "set:1", visits: [{ steps: [set] }] },
  },
  {
    what: "A handler's own save that failed is tried again at the end",
    why: "express-session takes the session for saved",
    explains: ({ failing }, _visit, theirs, ours) =>
      /^set/.test(failing ?? "") && count("set", ours) > count("set", theirs),
    example: { failing: "set:2", visits: [{ steps: [set] }, { steps: [{ do: "push" }, { do: "save" }] }] },
  },
  {
    what: "A cookie that can't be written is an error and not a success",
    why: "the client would begin a new session with each request",
    explains: (_script, _visit, _theirs, ours) => failed(/is invalid$/, ours),
    example: { visits: [{ steps: [set, { do: "attribute", name: "sameSite", value: "sideways" }] }] },
  },
  {
    what: "A stream's session is saved before its head leaves, and again at its end if it changed; a new one can't begin after the head",
    why: "who reads a streamed page may go on before its end; and a row whose cookie never left is never found again",
    explains: (_script, { ending }) => ending === "late",
    example: { visits: [{ ending: "late" }] },
  },
  {
    what: 'secure and sameSite "auto" hold with a cookie function too',
    why: "express-session looks for them on the function, and fails to write the cookie",
    explains: ({ options: { cookieBy, cookie } }) =>
      cookieBy === "function" && (cookie.secure === "auto" || cookie.sameSite === "auto"),
    example: { options: { cookieBy: "function", cookie: { sameSite: "auto" } }, visits: [{ steps: [set] }] },
  },
  {
    what: "cookie.path is compared segment by segment",
    why: "/application is not below /app (RFC 6265 5.1.4)",
    explains: ({ options: { cookie } }, { path }) => cookie.path === "/app" && path === "/application",
    example: { options: { cookie: { path: "/app" } }, visits: [{ path: "/application", steps: [set] }] },
  },
  {
    what: "Each cookie of the name is tried",
    why: "a stale or planted first one hides the good one",
    explains: (_script, { cookie }) => cookie === "twice",
    example: {
      visits: [
        { steps: [set] },
        { cookie: "own", steps: [{ do: "regenerate" }, set] },
        { cookie: "own", steps: [{ do: "destroy" }] },
        { cookie: "none", steps: [set] },
        { cookie: "twice", steps: [set] },
      ],
    },
  },
  {
    what: 'A session that could not be read is not destroyed by unset: "destroy"',
    why: "a store that fails for a moment would log its users out",
    explains: ({ failing, options }, _visit, _theirs, ours) =>
      /^get/.test(failing ?? "") && options.unset === "destroy" && ours.errors.includes("get failed"),
    example: {
      options: { unset: "destroy" },
      failing: "get:2",
      visits: [{ steps: [set] }, { cookie: "own" }, { cookie: "own" }],
    },
  },
];

/** Of the wire, not of the session: where express-session sends a body in two pieces, ours leaves in one, and its length is known. */
const FRAMING = /^(Date|Connection|Keep-Alive|Content-Length|Transfer-Encoding):/i;

export function withoutFraming(outcome: Outcome): Outcome {
  return { ...outcome, headers: outcome.headers.filter((header) => !FRAMING.test(header)) };
}

/** The whole script of an example. */
export function scriptOf(example: Difference["example"]): Script {
  const plain: Visit = { method: "GET", path: "/", https: false, cookie: "none", steps: [], ending: "send", later: 0 };
  const cookie = {};
  return {
    options: {
      resave: false,
      saveUninitialized: false,
      rolling: false,
      unset: "keep",
      proxy: true,
      naming: {},
      secret: "one",
      cookie,
      cookieBy: "object",
      ...example.options,
    },
    store: "memory",
    failing: example.failing,
    visits: example.visits.map((visit) => ({ ...plain, ...visit })),
  };
}
