import { createHmac, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import express, { type Express, type Request } from "express";
import session, {
  type MemoryStore,
  type Session,
  type SessionData,
  type SessionOptions,
} from "holdfast/express-session";
import { listening } from "../http/listen.ts";
import { type Answer, ask, type Question } from "../http/wire.ts";

/** `req.session` of the drop-in alone, with whatever entries. */
export type Shown = Session & SessionData & Record<string, unknown>;

export const shown = (req: Request): Shown => req.session as unknown as Shown;

export interface Shop {
  /** One request; without a `cookie` of its own it goes with those that came before. */
  ask(path?: string, question?: Question): Promise<Answer & { text: string; cookies: string[] }>;
  /** The last cookie that came. */
  cookie(): string | undefined;
  /** What error handlers heard. */
  errors: Error[];
}

export const quiet: SessionOptions = { secret: "tea", resave: false, saveUninitialized: false };

/** An Express app behind the drop-in, until the test ends. Errors answer 500 and their message. */
export async function serve(
  options: SessionOptions,
  routes: (app: Express) => void,
  before?: (app: Express) => void,
): Promise<Shop> {
  const app = express();
  const errors: Error[] = [];
  let jar: string | undefined;
  before?.(app);
  app.use(session({ ...quiet, ...options }));
  routes(app);
  app.use((error: Error, _req: Request, res: express.Response, _next: express.NextFunction) => {
    errors.push(error);
    if (!res.headersSent) res.status(500).send(error.message);
  });
  const port = await listening(createServer(app));
  return {
    errors,
    cookie: () => jar,
    async ask(path = "/", { headers, ...question } = {}) {
      const answer = await ask(port, { path, headers: { ...(jar && { cookie: jar }), ...headers }, ...question });
      const cookies = answer.headers.filter((line) => /^set-cookie:/i.test(line)).map((line) => line.slice(12));
      const own = cookies.find((cookie) => cookie.startsWith(`${options.name ?? "connect.sid"}=`));
      if (own) jar = own.split(";")[0];
      return { ...answer, text: answer.body.toString(), cookies };
    },
  };
}

/** A counter, and what it takes to look at the session. */
export function counter(app: Express): void {
  app.get("/", (req, res) => {
    const session = shown(req);
    session.views = Number(session.views ?? 0) + 1;
    res.send(`${session.views}`);
  });
  app.get("/id", (req, res) => void res.send(req.sessionID));
}

/** The cookie-signature package's format, by itself. */
export function signed(id: string, secret: string | Buffer | KeyObject, name = "connect.sid"): string {
  const mac = createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "");
  return `${name}=${encodeURIComponent(`s:${id}.${mac}`)}`;
}

export function rows({ sessions }: MemoryStore): SessionData[] {
  return Object.values(sessions).map((text) => JSON.parse(text));
}
