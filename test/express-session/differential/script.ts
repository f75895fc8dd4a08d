import fc from "fast-check";

/** What a handler does to its session, one thing after another. */
export type Step =
  | { do: "set"; entry: string; value: unknown }
  | { do: "delete"; entry: string }
  | { do: "push" }
  | { do: "regenerate" | "destroy" | "save" | "reload" | "touch" | "reset" | "unset" | "forget" }
  | { do: "maxAge"; ms: number | null | undefined }
  | { do: "expires"; in: number | null }
  | { do: "attribute"; name: "httpOnly" | "path" | "sameSite" | "secure"; value: unknown };

/** How it answers. */
export const ENDINGS = [
  "send",
  "json",
  "redirect",
  "end",
  "empty",
  "head",
  "pieces",
  "length",
  "204",
  "twice",
  "next",
  "late",
] as const;
export type Ending = (typeof ENDINGS)[number];

/** Which cookie the client sends. */
export const COOKIES = [
  "own",
  "own",
  "own",
  "own",
  "none",
  "old",
  "tampered",
  "truncated",
  "unsigned",
  "foreign",
  "garbage",
  "twice",
  "empty",
] as const;

export interface Visit {
  method: "GET" | "POST" | "HEAD";
  path: string;
  https: boolean;
  cookie: (typeof COOKIES)[number];
  steps: Step[];
  ending: Ending;
  /** Milliseconds that pass after it. */
  later: number;
}

export interface Script {
  options: {
    resave: boolean | undefined;
    saveUninitialized: boolean | undefined;
    rolling: boolean;
    unset: "keep" | "destroy" | undefined;
    proxy: boolean | undefined;
    naming: object;
    secret: "one" | "rotated" | "bytes";
    cookie: Record<string, unknown>;
    cookieBy: "object" | "function";
  };
  store: "memory" | "sync" | "touchless" | "enoent";
  /** The calls, counted by method, that fail: `set:2`. */
  failing: string | undefined;
  visits: Visit[];
}

// Not "save" or "__proto__": express-session never answers a request whose session lost its methods.
const entry = fc.constantFrom("a", "b", "user", "id", "touched", "constructor", "é");
const value = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 5 }),
  fc.constantFrom<unknown>(null, true, { deep: { n: 1 } }, [1, 2], undefined),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("set" as const), entry, value }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), entry }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "push" }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("regenerate", "destroy", "save", "reload", "touch", "reset", "unset", "forget"),
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("maxAge" as const), ms: fc.constantFrom(null, undefined, 500, 90_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expires" as const), in: fc.constantFrom(null, 700, 80_000) }) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.record({ do: fc.constant("attribute" as const), name: fc.constant("httpOnly" as const), value: fc.boolean() }),
      fc.record({
        do: fc.constant("attribute" as const),
        name: fc.constant("path" as const),
        value: fc.constantFrom("/", "/x", undefined),
      }),
      fc.record({
        do: fc.constant("attribute" as const),
        name: fc.constant("sameSite" as const),
        value: fc.constantFrom(true, false, "lax", "Strict", "none", "sideways"),
      }),
      fc.record({ do: fc.constant("attribute" as const), name: fc.constant("secure" as const), value: fc.boolean() }),
    ),
  },
);

const visit: fc.Arbitrary<Visit> = fc.record({
  method: fc.constantFrom("GET", "GET", "POST", "HEAD"),
  path: fc.constantFrom("/", "/app", "/app/x?y=/z", "/application", "/other"),
  https: fc.boolean(),
  cookie: fc.constantFrom(...COOKIES),
  steps: fc.array(step, { maxLength: 4 }),
  ending: fc.constantFrom(...ENDINGS),
  later: fc.constantFrom(0, 0, 1, 400, 2000, 70_000),
});

const cookieOptions = fc.record(
  {
    maxAge: fc.constantFrom<unknown>(null, undefined, 1000, 60_000),
    httpOnly: fc.boolean(),
    path: fc.constantFrom("/", "/", "/", "/app"),
    domain: fc.constantFrom("example.com", undefined),
    secure: fc.constantFrom<unknown>(true, false, "auto"),
    sameSite: fc.constantFrom<unknown>(true, false, "lax", "none", "auto"),
    partitioned: fc.boolean(),
    priority: fc.constantFrom("low", "HIGH"),
  },
  { requiredKeys: [] },
);

export const script: fc.Arbitrary<Script> = fc.record({
  options: fc.record({
    resave: fc.constantFrom(true, false, false, undefined),
    saveUninitialized: fc.constantFrom(true, false, false, undefined),
    rolling: fc.boolean(),
    unset: fc.constantFrom("keep", "destroy", undefined),
    proxy: fc.constantFrom(true, true, false, undefined),
    naming: fc.constantFrom({}, {}, { name: "sid" }, { key: "old.name" }),
    secret: fc.constantFrom("one", "rotated", "bytes"),
    cookie: cookieOptions,
    cookieBy: fc.constantFrom("object", "object", "function"),
  }),
  store: fc.constantFrom("memory", "memory", "sync", "touchless", "enoent"),
  failing: fc.option(fc.constantFrom("get:2", "set:1", "set:2", "destroy:1", "touch:1"), { nil: undefined, freq: 6 }),
  visits: fc.array(visit, { minLength: 1, maxLength: 5 }),
}) as fc.Arbitrary<Script>;
