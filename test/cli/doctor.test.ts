import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecure } from "node:https";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import express, { type RequestHandler } from "express";
import { createSessions, type SessionsOptions } from "holdfast";
import { doctor } from "holdfast/doctor";
import { expressSessions } from "holdfast/express";
import { nodeDeviceBinding } from "holdfast/node";
import { memoryStore } from "holdfast/stores/memory";
import { sqliteStore } from "holdfast/stores/sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { listen, tls } from "../http/listen.ts";
import { root } from "../package/subpaths.ts";

// Its types and ours both declare Express's req.session, so it goes without.
const original = createRequire(import.meta.url)("express-session") as (options: object) => RequestHandler;

let closing: (() => Promise<void>)[] = [];

beforeAll(() => void vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0"));
afterAll(() => void vi.unstubAllEnvs());
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

async function serve(listener: RequestListener, secure = false): Promise<string> {
  const { port, close } = await listen(secure ? createSecure(tls, listener) : createServer(listener));
  closing.push(close);
  return `${secure ? "https" : "http"}://127.0.0.1:${port}/`;
}

/** An app of holdfast's, whose page begins a session. */
function healthy(options: Partial<SessionsOptions> = {}): RequestListener {
  const sessions = createSessions<{ views: number }>({ store: memoryStore(), ...options });
  closing.push(() => sessions.close());
  return express()
    .use(expressSessions(sessions))
    .get("/", async (req, res) => {
      (req.session.data as { views: number }).views = 1;
      res.send("hello");
    });
}

/** An app that answers with this Set-Cookie, and whatever other headers. */
const saying =
  (cookie: string, headers: Record<string, string> = { "cache-control": "no-store" }): RequestListener =>
  (_req, res) =>
    res.writeHead(200, { "set-cookie": cookie, ...headers }).end();

const codes = async (...args: Parameters<typeof doctor>) => (await doctor(...args)).map(({ code }) => code);

describe("the doctor", () => {
  it("finds nothing wrong with holdfast by default, on http and on https", async () => {
    expect(await codes({ url: await serve(healthy()) })).toEqual([]);
    expect(await codes({ url: await serve(healthy(), true) })).toEqual([]);
  });

  it("finds what express-session leaves open by default", async () => {
    const middleware = original({ secret: "x", resave: false, saveUninitialized: true });
    const url = await serve(
      express()
        .use(middleware)
        .get("/", (_req, res) => void res.send("hello")),
      true,
    );
    expect(await codes({ url, cookie: "connect.sid" })).toEqual(["not-secure", "no-same-site", "cacheable"]);
  });

  it("finds a proxy that ends TLS and isn't trusted, and an app that trusts everybody", async () => {
    const app = healthy({ cookie: { secure: false } });
    expect(await codes({ url: await serve(app, true) })).toEqual(["not-secure"]);
    expect(await codes({ url: await serve(healthy({ trustProxy: true })) })).toEqual(["trusts-everybody"]);
  });

  it("finds an app that takes the ids its clients make up", async () => {
    const url = await serve((req, res) => {
      const id = /sid=([^;]+)/.exec(req.headers.cookie ?? "")?.[1] ?? "new";
      res
        .writeHead(200, { "set-cookie": `sid=${id}; Path=/; HttpOnly; SameSite=Lax`, "cache-control": "no-store" })
        .end();
    });
    expect(await codes({ url })).toEqual(["adopts-ids"]);
  });

  it.each([
    ["__Host-sid=1; Path=/app; Secure; HttpOnly; SameSite=Lax", "prefix-broken"],
    ["__Secure-sid=1; Path=/; HttpOnly; SameSite=Lax", "prefix-broken"],
    ["sid=1; Path=/; SameSite=Lax", "script-readable"],
    ["sid=1; Path=/; Secure; HttpOnly; SameSite=None", "same-site-none"],
    ["sid=1; Path=/; HttpOnly; SameSite=Lax; Domain=shop.test", "domain-wide"],
    ["sid=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=99999999", "too-long"],
    [`sid=${"x".repeat(4094)}; Path=/; HttpOnly; SameSite=Lax`, "too-large"],
    ["other=1; Path=/; HttpOnly; SameSite=Lax", "no-cookie"],
  ])("of %s says %s", async (cookie, code) => {
    expect(await codes({ url: await serve(saying(cookie)) })).toEqual([code]);
  });

  it("finds a cookie without a prefix on https, caches and a clock that is off", async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    const url = await serve(saying("sid=1; Path=/; Secure; HttpOnly; SameSite=Lax", { date }), true);
    expect(await codes({ url })).toEqual(["clock", "no-prefix", "cacheable"]);
  });

  it.each([
    ["public, max-age=60", ["cacheable"]],
    ['private="x-other"', ["cacheable"]],
    ["max-age=60, private", []],
  ])("of a Cache-Control that says %s finds %j", async (control, found) => {
    const url = await serve(saying("sid=1; Path=/; HttpOnly; SameSite=Lax", { "cache-control": control }));
    expect(await codes({ url })).toEqual(found);
  });

  it("says that nobody answers, or nobody any more", async () => {
    const [gone] = await doctor({ url: "http://127.0.0.1:1/" });
    expect(gone).toMatchObject({ code: "unreachable", message: expect.not.stringContaining("fetch failed") });
    const answer = saying("sid=1; Path=/; SameSite=Lax");
    let asked = 0;
    const url = await serve((req, res) => (asked++ === 0 ? answer(req, res) : req.socket.destroy()));
    expect(await codes({ url })).toEqual(["script-readable", "unreachable"]);
  });

  it("finds that nobody answers browsers which bind their sessions", async () => {
    const store = memoryStore();
    const options = { store, deviceBound: "/device" };
    const url = await serve(healthy(options), true);
    expect(await doctor({ url, options })).toMatchObject([
      { level: "error", code: "device-route", message: expect.stringMatching(/\/device answers 404/) },
      { code: "memory-store" },
    ]);
    const sessions = createSessions(options);
    const pages = healthy(options);
    const bound = await serve(express().post("/device", nodeDeviceBinding(sessions)).use(pages), true);
    expect(await codes({ url: bound, options })).toEqual(["memory-store"]);
    expect(await codes({ url: "https://127.0.0.1:1/", options })).toEqual(["unreachable", "memory-store"]);
  });

  it("asks the options and the store", async () => {
    const memory = { store: memoryStore() };
    expect(await doctor({ options: memory })).toMatchObject([{ level: "warning", code: "memory-store" }]);
    expect(await doctor({ options: memory, production: true })).toMatchObject([
      { level: "error", code: "memory-store" },
    ]);
    const weak = { store: memoryStore(), keys: "short" };
    expect(await doctor({ options: weak })).toMatchObject([
      { level: "error", code: "options", message: expect.stringMatching(/keys/) },
    ]);

    const db = new DatabaseSync(":memory:");
    const store = sqliteStore(db);
    expect(await doctor({ options: { store }, production: true })).toEqual([]);
    db.exec("DROP INDEX holdfast_sessions_user");
    expect(await doctor({ options: { store } })).toMatchObject([
      { code: "store", message: expect.stringMatching(/no index on user_id/) },
    ]);
    await store.close();
    expect(await doctor({ options: { store } })).toMatchObject([{ level: "error", code: "store" }]);
  });

  it("finds that a store's server doesn't answer, though the store knows of no problem", async () => {
    const silent = { ...memoryStore(), read: () => new Promise<never>(() => {}), problems: () => [] };
    const late = await doctor({ options: { store: silent, timeout: 1 } });
    expect(late).toMatchObject([
      { level: "error", code: "store", message: expect.stringMatching(/did not answer to read within 1 ms/) },
    ]);
    const failing = { ...memoryStore(), read: () => Promise.reject(new Error("no such table")), problems: undefined };
    expect(await doctor({ options: { store: failing } })).toMatchObject([
      { code: "store", message: expect.stringMatching(/no such table/) },
    ]);
  });

  it("finds keys that were thought up", async () => {
    const store = { ...memoryStore(), problems: () => [] };
    const random = randomBytes(32).toString("base64");
    for (const weak of ["00112233445566778899aabbccddeeff", "correct horse battery staple and another horse"]) {
      expect(await codes({ options: { store, keys: [random, weak] } })).toEqual(["weak-key"]);
    }
    expect(await codes({ options: { store, keys: [random, randomBytes(32)] } })).toEqual([]);
  });

  it("takes the cookie's name from the options, or as browsers show it", async () => {
    const options = { store: { ...memoryStore(), problems: () => [] }, cookie: { name: "shop" } };
    const url = await serve(healthy(options), true);
    expect(await codes({ url, options })).toEqual([]);
    expect(await codes({ url, cookie: "__Host-shop" })).toEqual([]);
    expect(await doctor({ url })).toMatchObject([
      { code: "no-cookie", message: expect.stringMatching(/answered 200 and set no cookie/) },
    ]);
  });

  it("says that what is no URL can't be reached, with a device's route too", async () => {
    const store = { ...memoryStore(), problems: () => [] };
    expect(await codes({ url: "shop.example/cart", options: { store, deviceBound: "/device" } })).toEqual([
      "unreachable",
    ]);
  });

  it("finds options that can't be beside a page, too", async () => {
    const options = { store: memoryStore(), cookie: { name: 7 as unknown as string } };
    expect(await codes({ url: await serve(healthy()), options })).toEqual(["no-cookie", "options"]);
  });

  it("is content with SameSite=None where csrf is on", async () => {
    const store = { ...memoryStore(), problems: () => [] };
    const none = { store, cookie: { secure: true, sameSite: "none" } } as const;
    const url = await serve(healthy(none), true);
    expect(await codes({ url, options: none })).toEqual(["same-site-none"]);
    expect(await codes({ url, options: { ...none, csrf: true } })).toEqual([]);
  });

  it("says that plain http is no place for visitors", async () => {
    expect(await codes({ url: await serve(healthy()), production: true })).toEqual(["plain-http"]);
    expect(await codes({ url: await serve(healthy(), true), production: true })).toEqual([]);
  });

  it("says what it lacks, where it was given nothing to look at", async () => {
    await expect(doctor({})).rejects.toMatchObject({
      code: "argument-invalid",
      message: expect.stringMatching(/url of a page/),
    });
  });
});

describe("the command", () => {
  const run = (...args: string[]) =>
    new Promise<{ code: unknown; out: string }>((resolve) =>
      execFile(
        process.execPath,
        ["--import", join(root, "test/docs/from-source.ts"), join(root, "src/cli/holdfast.ts"), ...args],
        { env: { ...process.env, NODE_ENV: "" } },
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, out: stdout + stderr }),
      ),
    );

  it("prints what it finds, and exits with 1 where that is an error", async () => {
    const good = await run("doctor", "--url", await serve(healthy()));
    expect(good).toEqual({ code: 0, out: "Nothing was found to be wrong.\n" });
    const bad = await run(
      "doctor",
      "--url",
      await serve(saying("connect.sid=1; Path=/; SameSite=Lax")),
      "--cookie",
      "connect.sid",
    );
    expect(bad.code).toBe(1);
    expect(bad.out).toContain("error  script-readable");
  });

  it("asks what the app gives createSessions, and judges it as it is told", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-doctor-"));
    closing.push(async () => rmSync(folder, { recursive: true }));
    const written = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const store = 'import { memoryStore } from "holdfast/stores/memory"; const store = memoryStore();';
    const options = written("options.mjs", `${store} export const options = { store };`);
    expect(await run("doctor", "--options", options)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^warning {2}memory-store/),
    });
    expect(await run("doctor", "--options", options, "--production")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^error {2}memory-store/),
    });
    const weak = written("weak.mjs", `${store} export const options = { store, keys: "x".repeat(64) };`);
    expect(await run("doctor", "--options", weak)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^error {2}options\n.* keys /),
    });
    expect(await run("doctor", "--options", written("none.mjs", store))).toMatchObject({
      code: 2,
      out: expect.stringMatching(/exports no `options`/),
    });
  });

  it("says which options it can't load", async () => {
    const missing = await run("doctor", "--options", "./no-such-file.ts");
    expect(missing.code).toBe(2);
    expect(missing.out).toMatch(/^\.\/no-such-file\.ts can't be loaded: /);
  });

  it.each([[[]], [["doctor"]], [["docotr", "--url", "x"]], [["doctor", "--uri", "x"]]])(
    "tells how it is used: %j",
    async (args) => {
      const { code, out } = await run(...args);
      expect(code).toBe(2);
      expect(out).toContain("--url https://shop.example/cart");
    },
  );
});
