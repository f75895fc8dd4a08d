/** Sessions in NestJS 12: a page with forms, JSON, and a list of devices for who is logged in. */
import { Body, Controller, Get, Header, HttpCode, Module, Post, Redirect, UseGuards } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { createSessions, type IndexedSessions, type Session } from "holdfast";
import { expressSessions } from "holdfast/express";
import { CurrentSession, HoldfastModule, InjectSessions, SessionGuard } from "holdfast/nest";
import { sqliteStore } from "holdfast/stores/sqlite";

interface Data {
  views: number;
  a: string;
  b: string;
}

const { DATABASE = "sessions.db", PORT = "3000" } = process.env;
const sessions = createSessions<Data>({ store: sqliteStore(DATABASE) });

@Controller()
class Pages {
  @Get()
  @Header("Content-Type", "text/html")
  show(@CurrentSession() { data, userId = "nobody" }: Session<Data>) {
    return `<!doctype html><title>Nest</title>
      <p>views: ${data.views ?? 0}</p>
      <p>user: ${escapeHtml(userId)}</p>
      <form method="post" action="/add"><button name="add">Add</button></form>
      <form method="post" action="/login"><input name="user" required><button name="login">Log in</button></form>
      <form method="post" action="/logout"><button name="logout">Log out</button></form>`;
  }

  @Post("add")
  @Redirect("/", 303)
  async add(@CurrentSession() session: Session<Data>) {
    await session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
  }

  @Post("login")
  @Redirect("/", 303)
  async login(@Body() form: { user: string }, @CurrentSession() session: Session<Data>) {
    await session.login(form.user); // once you have checked the password
  }

  @Post("logout")
  @Redirect("/", 303)
  async logout(@CurrentSession() session: Session<Data>) {
    await session.destroy();
  }
}

@Controller("api/data")
class Api {
  @Get()
  read(@CurrentSession() { data, userId }: Session<Data>) {
    return { ...data, views: data.views ?? 0, user: userId ?? null };
  }

  @Post()
  @HttpCode(204)
  write(@Body() { a, b }: Partial<Data>, @CurrentSession() { data }: Session<Data>) {
    if (a !== undefined) data.a = a;
    if (b !== undefined) data.b = b;
  }
}

@Controller("devices")
@UseGuards(SessionGuard)
class Devices {
  readonly #sessions: IndexedSessions<Data>;

  constructor(@InjectSessions() sessions: IndexedSessions<Data>) {
    this.#sessions = sessions;
  }

  @Get()
  list(@CurrentSession() session: Session<Data>) {
    return this.#sessions.list({ userId: session.userId! });
  }

  @Post("sign-out-others")
  @HttpCode(204)
  async signOutOthers(@CurrentSession() session: Session<Data>) {
    await this.#sessions.revokeAll({ userId: session.userId, except: session });
  }
}

@Module({ imports: [HoldfastModule.forRoot(sessions)], controllers: [Pages, Api, Devices] })
class App {}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const app = await NestFactory.create<NestExpressApplication>(App, { logger: ["error", "warn"] });
app.use(expressSessions(sessions));
await app.listen(PORT, "127.0.0.1");
console.log(`http://localhost:${PORT}`);
