import "reflect-metadata";
import type { AddressInfo } from "node:net";
import {
  All,
  type ArgumentsHost,
  Catch,
  Controller,
  Get,
  HttpException,
  Module,
  Post,
  Req,
  Res,
  type Type,
  UseGuards,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import type { Request, Response } from "express";
import { createSessions, HoldfastError, type IndexedSessions, type Session, type Sessions, type Store } from "holdfast";
import { expressSessions } from "holdfast/express";
import { CurrentSession, HoldfastModule, InjectSessions, SessionGuard } from "holdfast/nest";
import { memoryStore } from "holdfast/stores/memory";
import { adapterCases, loginAs, type Serve } from "holdfast/testing";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { ask, type Question } from "../http/wire.ts";
import { answer } from "./express.ts";
import { failingStore } from "./stores.ts";

interface Data {
  [entry: string]: unknown;
}

// This runs by Node's own type stripping, which knows no decorators: they are called as the functions that they are.
type Members = Record<string, { route: MethodDecorator; guard?: MethodDecorator; parameters?: ParameterDecorator[] }>;

function controller(path: string, type: Type, members: Members): Type {
  for (const [name, { route, guard, parameters = [] }] of Object.entries(members)) {
    const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name)!;
    for (const decorate of [route, guard]) decorate?.(type.prototype, name, descriptor);
    for (const [i, decorate] of parameters.entries()) decorate(type.prototype, name, i);
  }
  Controller(path)(type);
  return type;
}

/** An app of NestJS 12 on Express. */
async function create(controllers: Type[], sessions: Sessions<Data>, mounted = true) {
  class Root {}
  Module({ imports: [HoldfastModule.forRoot(sessions)], controllers })(Root);
  const app = await NestFactory.create<NestExpressApplication>(Root, { logger: false, bodyParser: false });
  if (mounted) app.use(expressSessions(sessions));
  return app;
}

async function listen(app: NestExpressApplication): Promise<number> {
  await app.listen(0, "127.0.0.1");
  return (app.getHttpServer().address() as AddressInfo).port;
}

const serveNest: Serve = async (sessions, app) => {
  class Everything {
    async handle(session: Session<object>, request: Request, response: Response): Promise<void> {
      const { method, path } = request;
      await answer(response, await app.handle({ method, path, body: request }, session));
    }
  }
  const all = controller("/", Everything, {
    handle: { route: All("{*path}"), parameters: [CurrentSession(), Req(), Res()] },
  });
  class Filter {
    catch(error: unknown, host: ArgumentsHost): void {
      const response = host.switchToHttp().getResponse<Response>();
      // What comes by Express's `next` with a status below 500, Nest wraps.
      const reply = app.onError(error instanceof HttpException ? error.cause : error);
      if (response.headersSent) response.destroy();
      else void answer(response, reply);
    }
  }
  Catch()(Filter);
  const nest = await create([all], sessions as Sessions<Data>);
  nest.useGlobalFilters(new Filter());
  const port = await listen(nest);
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      nest.getHttpServer().closeAllConnections();
      await nest.close();
    },
  };
};

describe("NestJS 12 on Express", () => {
  for (const { name, run } of adapterCases(serveNest)) test(name, run);
});

class Shop {
  readonly #sessions: IndexedSessions<Data>;

  constructor(sessions: IndexedSessions<Data>) {
    this.#sessions = sessions;
  }

  change(session: Session<Data>): string {
    session.data.tea = "green";
    return "all is well";
  }

  update(session: Session<Data>): Promise<unknown> {
    return session.update("n", (n = 0) => Number(n) + 1);
  }

  begin(session: Session<Data>): Promise<void> {
    return session.login("ada");
  }

  secret(session: Session<Data>): string {
    session.requireFresh("5m");
    return `of ${session.userId}`;
  }

  devices(session: Session<Data>): Promise<number> {
    return this.#sessions.revokeAll({ userId: session.userId });
  }

  gone(): never {
    throw new HoldfastError("session-gone", "of the handle abc", { handle: "abc" });
  }
}

InjectSessions()(Shop, undefined, 0);
const parameters = [CurrentSession()];
const shop = controller("/", Shop, {
  change: { route: Get("change"), parameters },
  update: { route: Get("update"), parameters },
  begin: { route: Post("login"), parameters },
  secret: { route: Get("secret"), guard: UseGuards(SessionGuard), parameters },
  devices: { route: Post("devices"), guard: UseGuards(SessionGuard), parameters },
  gone: { route: Get("gone") },
});

/** The status and the body of an answer. */
async function asked(question: Question, store: Store = memoryStore(), user?: string, mounted = true) {
  const sessions = createSessions<Data>({ store });
  const cookie = user === undefined ? undefined : await loginAs(sessions, user);
  const app = await create([shop], sessions, mounted);
  const port = await listen(app);
  onTestFinished(() => app.close());
  const { status, body, headers } = await ask(port, { ...question, headers: { ...(cookie && { cookie }) } });
  return { status, body: String(body), hasCookie: /^set-cookie: sid=./im.test(headers.join("\n")), sessions };
}

const UNAVAILABLE = { statusCode: 503, message: "Service Unavailable" };

describe("Nest's exception layer", () => {
  it.each([
    ["reading", "/change", ["read"]],
    ["saving, though the handler has answered", "/change", ["create"]],
    ["what the handler awaits", "/update", ["create"]],
  ] as const)("answers 503 where the store fails at %s", async (_, path, operations) => {
    const cookie = `sid=${"a".repeat(22)}.${"b".repeat(43)}`;
    const sessions = createSessions<Data>({ store: failingStore(...operations) });
    const app = await create([shop], sessions);
    onTestFinished(() => app.close());
    const { status, body } = await ask(await listen(app), { path, headers: { cookie } });
    expect([status, JSON.parse(String(body))]).toEqual([503, UNAVAILABLE]);
  });

  it("answers the status of our other errors, and not their message", async () => {
    const { status, body } = await asked({ path: "/gone" });
    expect([status, JSON.parse(body)]).toEqual([409, { statusCode: 409, message: "Conflict" }]);
  });

  it("answers 500 where no middleware gave the request its session", async () => {
    for (const path of ["/change", "/secret"])
      expect((await asked({ path }, undefined, undefined, false)).status).toBe(500);
  });
});

describe("SessionGuard", () => {
  it("throws Nest's UnauthorizedException for who isn't logged in", async () => {
    const { status, body } = await asked({ path: "/secret" });
    expect([status, JSON.parse(body)]).toEqual([401, { message: "Unauthorized", statusCode: 401 }]);
  });

  it("lets through who is", async () => {
    expect(await asked({ path: "/secret" }, undefined, "ada")).toMatchObject({ status: 200, body: "of ada" });
  });
});

it("CurrentSession is the request's session, whose login gives a cookie", async () => {
  expect(await asked({ method: "POST", path: "/login" })).toMatchObject({ status: 201, hasCookie: true });
});

it("InjectSessions gives a constructor the app's sessions", async () => {
  const { body, sessions } = await asked({ method: "POST", path: "/devices" }, memoryStore(), "ada");
  expect(body).toBe("1");
  expect(await (sessions as IndexedSessions<Data>).list({ userId: "ada" })).toEqual([]);
});
