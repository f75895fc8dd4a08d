import {
  type CanActivate,
  createParamDecorator,
  type DynamicModule,
  type ExecutionContext,
  Inject,
  UnauthorizedException,
} from "@nestjs/common";
import { assertSessions, sessionMissing } from "../core/misuse.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";

/**
 * The visitor's session, for a parameter of a handler in NestJS 12. The middleware of `holdfast/express`, or the plugin of `holdfast/fastify`, has to be mounted: without it
 * throws `session-missing`.
 *
 * ```ts
 * import { Controller, Get } from "@nestjs/common";
 * import type { Session } from "holdfast";
 * import { CurrentSession } from "holdfast/nest";
 *
 * interface Data { views: number }
 *
 * @Controller()
 * class Counter {
 *   @Get()
 *   async count(@CurrentSession() session: Session<Data>) {
 *     return `${await session.update("views", (n = 0) => n + 1)} views`;
 *   }
 * }
 * ```
 */
export const CurrentSession: () => ParameterDecorator = createParamDecorator((_: unknown, context: ExecutionContext) =>
  sessionOf(context),
);

/**
 * Guard: lets through who is logged in, and throws Nest's UnauthorizedException (401) for everyone else.
 *
 * ```ts
 * import { Controller, Get, UseGuards } from "@nestjs/common";
 * import { SessionGuard } from "holdfast/nest";
 *
 * @Controller("account")
 * @UseGuards(SessionGuard)
 * class Account {
 *   @Get()
 *   show() {
 *     return "yours";
 *   }
 * }
 * ```
 */
export class SessionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (sessionOf(context).userId === undefined) throw new UnauthorizedException();
    return true;
  }
}

const SESSIONS = Symbol("holdfast.sessions");

/**
 * Lets every provider and controller have the app's sessions, by `@InjectSessions()`: to list and to end those of a user. Import it once, in the root module:
 * `imports: [HoldfastModule.forRoot(sessions)]`. Closing them stays with who created them.
 */
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are classes, and made by a static method
export class HoldfastModule {
  static forRoot<Data extends object>(sessions: Sessions<Data>): DynamicModule {
    assertSessions(sessions, "HoldfastModule.forRoot");
    const provider = { provide: SESSIONS, useValue: sessions };
    return { module: HoldfastModule, global: true, providers: [provider], exports: [provider] };
  }
}

/**
 * For a constructor's parameter: the sessions that `HoldfastModule.forRoot` was given.
 *
 * ```ts
 * import { Injectable } from "@nestjs/common";
 * import type { IndexedSessions } from "holdfast";
 * import { InjectSessions } from "holdfast/nest";
 *
 * @Injectable()
 * class Devices {
 *   readonly #sessions: IndexedSessions;
 *
 *   constructor(@InjectSessions() sessions: IndexedSessions) {
 *     this.#sessions = sessions;
 *   }
 *
 *   signOut(userId: string) {
 *     return this.#sessions.revokeAll({ userId });
 *   }
 * }
 * ```
 */
export const InjectSessions = (): ParameterDecorator => Inject(SESSIONS) as ParameterDecorator;

function sessionOf(context: ExecutionContext): Session<object> {
  const { session } = context.switchToHttp().getRequest<{ session?: Session<object> }>();
  if (!session) throw sessionMissing();
  return session;
}
