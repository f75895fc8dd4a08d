import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, type IndexedSessions } from "holdfast";
import { nodeDeviceBinding, nodeSessions } from "holdfast/node";
import { memoryStore } from "holdfast/stores/memory";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { speakHttp1, Visitor } from "../../src/testing/adapters/client.ts";
import { type Listening, listen, tls } from "../http/listen.ts";
import { describeWith } from "../needs.ts";
import { pass, resetClock } from "./clock.ts";
import { Scan } from "./scan.ts";

const COOKIE = "__Host-sid-device";

/** Chromium binds nothing where it was told to ignore a certificate's errors in general. */
const publicKey = new X509Certificate(tls.cert).publicKey.export({ type: "spki", format: "der" });

describeWith("Chromium", "a device-bound session, in Chromium", (executablePath) => {
  let profile: string;
  let context: BrowserContext;
  let page: Page;
  let server: Listening;
  let sessions: IndexedSessions<{ n: number }>;
  /** What was answered at the device's path. */
  let answers: number[];
  let bound: Promise<unknown>;
  let scan: Scan;

  const launch = async (): Promise<void> => {
    context = await chromium.launchPersistentContext(profile, {
      executablePath,
      chromiumSandbox: false,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--host-resolver-rules=MAP shop.test 127.0.0.1, MAP other.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        // Keys in software, for machines without a TPM; and as many signatures as the test asks for.
        "--enable-features=DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting",
        `--ignore-certificate-errors-spki-list=${createHash("sha256").update(publicKey).digest("base64")}`,
      ],
    });
    context.setDefaultTimeout(15_000);
    page = context.pages()[0] ?? (await context.newPage());
  };

  beforeEach(async () => {
    answers = [];
    scan = new Scan("holdfast", (value) => value.split(".").at(-1)!);
    sessions = createSessions({ store: memoryStore(), deviceBound: "/device" });
    bound = new Promise((resolve) => sessions.on("bound", resolve));
    const bindDevice = nodeDeviceBinding(sessions);
    const pages = nodeSessions(sessions, async (request, response) => {
      const { session, url } = request;
      if (url === "/login") await session.login("ada");
      if (url === "/remember") await session.login("ada", { remember: true });
      if (url === "/bob") await session.login("bob");
      if (url === "/logout") await session.destroy();
      response.setHeader("Content-Type", "text/html");
      response.end(
        `<!doctype html><link rel="icon" href="data:,"><p>${session.userId ?? "nobody"}${session.isDeviceBound ? ", bound" : ""}</p>`,
      );
    });
    server = await listen(
      createServer(tls, (request, response) => {
        if (request.url !== "/device") return void pages(request, response);
        response.on("finish", () => answers.push(response.statusCode));
        void bindDevice(request, response);
      }),
    );
    profile = mkdtempSync(join(tmpdir(), "holdfast-device-"));
    await launch();
  });

  afterEach(async () => {
    resetClock();
    await context.close();
    await server.close();
    await sessions.close();
    scan.close();
    rmSync(profile, { recursive: true, force: true });
  });

  async function visit(path: string): Promise<string> {
    await page.goto(`https://shop.test:${server.port}${path}`);
    const text = (await page.locator("p").textContent()) ?? "";
    scan.heard("body", text);
    return text;
  }

  async function cookies(): Promise<Map<string, string>> {
    const jar = new Map((await context.cookies()).map(({ name, value }) => [name, value]));
    for (const [name, value] of jar) scan.issued(`${name}=${value}`);
    return jar;
  }

  /** Logs in and waits until the browser has its proof, and the server has seen it. */
  async function bind(path = "/login"): Promise<void> {
    await visit(path);
    await bound;
    await vi.waitFor(async () => expect((await cookies()).has(COOKIE)).toBe(true), 5000);
    expect(await visit("/")).toBe("ada, bound");
  }

  /** Who has a copy of the browser's cookies. */
  async function thief(): Promise<Visitor> {
    const visitor = new Visitor(`https://127.0.0.1:${server.port}`, speakHttp1);
    visitor.cookie = [...(await cookies())].map((pair) => pair.join("=")).join("; ");
    return visitor;
  }

  it("begins with a login, and holds the cookies to its lifetime", async () => {
    await bind();
    expect(answers).toEqual([200]);
    expect(await context.cookies()).toMatchObject([
      { name: "__Host-sid", expires: -1 },
      { name: COOKIE, secure: true, httpOnly: true, sameSite: "Lax", path: "/", domain: "shop.test" },
    ]);
  });

  it("is refreshed before the request that lacks the proof goes out, and the stolen proof dies", async () => {
    await bind();
    const copy = await thief();
    expect((await copy.get("/")).text).toContain("ada");
    await context.clearCookies({ name: COOKIE });
    expect(await visit("/")).toBe("ada, bound");
    expect(answers).toEqual([200, 200]);
    pass(151_000);
    expect((await copy.get("/")).text).toContain("nobody");
    expect(await visit("/")).toBe("ada, bound");
  });

  it("is refreshed for a visitor who comes by another site's link", async () => {
    await bind();
    await context.clearCookies({ name: COOKIE });
    await visit("/");
    await context.clearCookies({ name: COOKIE });
    await page.goto(`https://other.test:${server.port}/`);
    await page.setContent(`<a href="https://shop.test:${server.port}/">shop</a>`);
    await page.click("a");
    await page.waitForURL("https://shop.test:*/");
    expect(await page.locator("p").textContent()).toBe("ada, bound");
    expect(answers).toEqual([200, 200, 200]);
  });

  it("outlives the browser where the login is remembered", async () => {
    await bind("/remember");
    await context.close();
    await launch();
    await context.clearCookies({ name: COOKIE });
    expect(await visit("/")).toBe("ada, bound");
    // The challenge was in the browser's memory.
    expect(answers).toEqual([200, 403, 200]);
  });

  it("ends with the logout, and the next login's is another", async () => {
    await bind();
    await visit("/logout");
    expect(await context.cookies()).toEqual([]);
    expect(await visit("/")).toBe("nobody");
    expect(answers).toEqual([200, 401]);

    bound = new Promise((resolve) => sessions.on("bound", resolve));
    await visit("/bob");
    await bound;
    expect(await visit("/")).toBe("bob, bound");
    await context.clearCookies({ name: COOKIE });
    expect(await visit("/")).toBe("bob, bound");
    expect(answers).toEqual([200, 401, 200, 200]);
  });
});
