import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Shop, start } from "../../demo/app.ts";
import { describeWith } from "../needs.ts";

describeWith("Chromium", "the demo in a browser", (executablePath) => {
  // Two of them: a person at two devices.
  let browsers: Browser[];
  let folder: string;
  let shop: Shop;
  let complaints: string[];

  beforeAll(async () => {
    const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"];
    const launch = () => chromium.launch({ executablePath, chromiumSandbox: false, args });
    browsers = await Promise.all([launch(), launch()]);
  });
  afterAll(() => Promise.all(browsers.map((browser) => browser.close())));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-demo-"));
    complaints = [];
    shop = await open();
  });
  afterEach(async () => {
    await Promise.all(browsers.flatMap((browser) => browser.contexts()).map((context) => context.close()));
    await shop.close();
    rmSync(folder, { recursive: true });
    // Among them whatever the Content-Security-Policy had to stop.
    expect(complaints).toEqual([]);
  });

  const open = (port = 0) => start({ port, database: join(folder, "shop.db"), host: "127.0.0.1" });

  /** A new visitor, in the first browser or in the second. */
  async function visitor(browser = 0, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browsers[browser]!.newContext({ baseURL: shop.url, locale: "en-US", ...options });
    // Sooner than the test's own, so that a failure names what it waited for.
    context.setDefaultTimeout(15_000);
    return tab(await context.newPage());
  }

  function tab(page: Page): Page {
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    return page;
  }

  async function add(page: Page, item: string): Promise<void> {
    await page.goto("/");
    await page.getByRole("button", { name: `Add to cart: ${item}` }).click();
    await page.getByText(`${item} is in your cart.`).waitFor();
  }

  async function signIn(page: Page, name: string, { remember = false } = {}): Promise<void> {
    await page.goto("/sign-in");
    await page.getByLabel("Your name").fill(name);
    if (remember) await page.getByRole("checkbox").check();
    await page.getByLabel("Your name").press("Enter");
    await page.getByText(`Welcome, ${name}.`).waitFor();
  }

  const sessionCookie = async (page: Page) => (await page.context().cookies()).find(({ name }) => name === "sid");

  async function idOf(page: Page): Promise<{ handle: string; secret: string }> {
    const [handle = "", secret = ""] = (await sessionCookie(page))?.value.split(".") ?? [];
    return { handle, secret };
  }

  const hashOf = (secret: string) => `1:${createHash("sha256").update(secret).digest("base64url")}`;

  const field = (page: Page, name: string): Locator =>
    page
      .getByRole("row")
      .filter({ has: page.getByRole("rowheader", { name, exact: true }) })
      .getByRole("cell");

  const story = (page: Page): Locator => page.locator("#exchanges > li");

  const picture = (page: Page, name: string) =>
    page.screenshot({
      path: fileURLToPath(new URL(`../../.tmp/screens/${name}.png`, import.meta.url)),
      fullPage: true,
    });

  const PAGES = ["/", "/cart", "/sign-in", "/devices", "/life"];

  it("leaves no cookie with a visitor who only looks", async () => {
    const page = await visitor();
    for (const path of PAGES) await page.goto(path);
    await page.getByText("Visitors who only look get no cookie.").waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });

  it("keeps the cart through the sign-in, under the same handle with a new secret", async () => {
    const page = await visitor();
    await add(page, "Mooring rope");
    await add(page, "Enamel mug");
    const before = await idOf(page);
    await signIn(page, "Mina");

    const after = await idOf(page);
    expect(after.handle).toBe(before.handle);
    expect(after.secret).not.toBe(before.secret);
    await page.goto("/cart");
    await page.getByRole("row", { name: "Mooring rope 1 ₩18,000" }).waitFor();
    await page.getByRole("row", { name: "Total ₩32,000" }).waitFor();
    await page.getByRole("button", { name: "Remove one: Mooring rope" }).click();
    await page.getByRole("row", { name: "Total ₩14,000" }).waitFor();
  });

  it("keeps a persistent cookie only for who asked to stay signed in", async () => {
    const page = await visitor();
    await signIn(page, "Mina");
    expect((await sessionCookie(page))?.expires).toBe(-1);
    await signIn(page, "Mina", { remember: true });
    expect((await sessionCookie(page))?.expires).toBeGreaterThan(Date.now() / 1000);
  });

  it("shows each of a user's devices to the other, and signs out one or all others", async () => {
    const [desk, phone] = await Promise.all([visitor(0), visitor(1, { userAgent: IPHONE })]);
    await Promise.all([signIn(desk, "Mina"), signIn(phone, "Mina")]);
    await Promise.all([desk.goto("/devices"), phone.goto("/devices")]);
    await desk.getByRole("rowheader", { name: "Chrome on Linux this device" }).waitFor();
    await phone.getByRole("rowheader", { name: "Safari on iPhone this device" }).waitFor();
    await picture(desk, "devices");

    await desk.getByRole("button", { name: "Sign out Safari on iPhone" }).click();
    await desk.getByText("The device was signed out.").waitFor();
    await phone.reload();
    await phone.getByText("Sign in, and you see here where else you are.").waitFor();

    await signIn(phone, "Mina");
    await phone.goto("/devices");
    await phone.getByRole("button", { name: "Sign out all other devices" }).click();
    await phone.getByText("One other device was signed out.").waitFor();
    await desk.reload();
    await desk.getByText("Sign in, and you see here where else you are.").waitFor();
    await phone.reload();
    await phone.getByRole("rowheader", { name: "Safari on iPhone this device" }).waitFor();
  });

  it("signs out nobody else's device, whatever handle the form names", async () => {
    const [mina, theo] = await Promise.all([visitor(0), visitor(1)]);
    await Promise.all([signIn(mina, "Mina"), signIn(theo, "Theo")]);
    const { handle } = await idOf(mina);
    await theo.request.post("/devices/sign-out", { form: { handle } });
    await mina.goto("/devices");
    await mina.getByText("this device").waitFor();
  });

  it("keeps cart and sign-in over a restart of the server", async () => {
    const page = await visitor();
    await add(page, "Kelp tea");
    await signIn(page, "Mina");
    await page.goto("/life");
    await shop.close();
    shop = await open(Number(new URL(shop.url).port));

    await page.goto("/cart");
    await page.getByRole("row", { name: "Kelp tea 1" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    // The page that was open when the server went has found its stream cut off, and said so.
    complaints = complaints.filter((complaint) => !complaint.includes("ERR_"));
  });

  it("refuses what another site's form sends, which SameSite alone would let sign a visitor in", async () => {
    const page = await visitor();
    const sent = await page.request.post("/sign-in", {
      form: { name: "Eve" },
      headers: { Origin: "https://evil.example" },
    });
    expect(sent.status()).toBe(403);
    expect(await page.context().cookies()).toEqual([]);
  });

  it("shows a name as text, whatever it is", async () => {
    const page = await visitor();
    await signIn(page, "<b onclick='x'>&amp;");
    await page.goto("/life");
    await expect.poll(() => field(page, "userId").textContent(), POLL).toBe("<b onclick='x'>&amp;");
  });

  it("works without scripts", async () => {
    const page = await visitor(0, { javaScriptEnabled: false });
    await page.goto("/life");
    await page.getByRole("button", { name: "Add to cart: Mooring rope" }).click();
    await field(page, "entries: cart").getByText('["rope"]').waitFor();
    await page.getByRole("button", { name: "New id" }).click();
    await field(page, "version").getByText("2").waitFor();
  });

  it("shows what browser and server have, and the secret nowhere", async () => {
    const page = await visitor();
    await add(page, "Brass hook");
    await signIn(page, "Mina", { remember: true });
    await page.goto("/life");
    const { handle, secret } = await idOf(page);
    await story(page).getByText("/life", { exact: true }).waitFor();

    expect(await field(page, "handle").textContent()).toBe(handle);
    expect(await field(page, "secretHash").textContent()).toBe(hashOf(secret));
    await page
      .getByText(`Cookie: sid=${handle}.${secret.slice(0, 6)}…`, { exact: true })
      .first()
      .waitFor();
    await page.getByText("A persistent cookie").waitFor();
    expect(await page.locator("#script-sees").textContent()).toBe("nothing");
    await picture(page, "life");

    const headers = { Cookie: `sid=${handle}.${secret}` };
    const stream = await fetch(`${shop.url}/life/stream?after=0`, { headers });
    let events = "";
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
      events += chunk;
      if (events.includes("event: count")) break;
    }
    const everything = [
      events,
      await (await fetch(`${shop.url}/life`, { headers })).text(),
      await page.content(),
    ].join();
    expect(everything).toContain(hashOf(secret));
    expect(everything).not.toContain(secret.slice(6));
  });

  it("counts both timeouts down", async () => {
    const page = await visitor();
    await add(page, "Brass hook");
    await page.goto("/life");
    for (const [name, start] of [
      ["Idle timeout", /^(10:00|9:\d\d)$/],
      ["Absolute timeout", /^(2:00:00|1:59:\d\d)$/],
    ] as const) {
      const timer = page.locator(".timeouts > div", { hasText: name }).getByRole("timer");
      await expect.poll(() => timer.textContent(), POLL).toMatch(start);
      const first = await timer.textContent();
      await expect.poll(() => timer.textContent(), POLL).not.toBe(first);
    }
  });

  it("tells what another tab does, as it happens", async () => {
    const page = await visitor();
    await add(page, "Mooring rope");
    await page.goto("/life");
    const other = tab(await page.context().newPage());
    await add(other, "Small anchor");

    const told = story(page).filter({ hasText: "POST /cart" }).first();
    await told.filter({ hasText: "store.update cart" }).waitFor();
    await field(page, "entries: cart").getByText('["rope","anchor"]').waitFor();
    await page.getByRole("link", { name: "Cart 2" }).waitFor();
  });

  it("shows how a new id keeps the handle and changes the hash, and goes on listening under it", async () => {
    const page = await visitor();
    await add(page, "Mooring rope");
    await page.goto("/life");
    const before = await idOf(page);
    await page.getByRole("button", { name: "New id" }).click();
    await story(page).getByText("A new secret under the same handle.").waitFor();

    const after = await idOf(page);
    await field(page, "secretHash").getByText(hashOf(after.secret)).waitFor();
    expect(await field(page, "previousHash").textContent()).toBe(hashOf(before.secret));
    expect(await field(page, "handle").textContent()).toBe(before.handle);
    await page
      .getByText(`Cookie: sid=${before.handle}.${after.secret.slice(0, 6)}…`, { exact: true })
      .first()
      .waitFor();

    await page.getByRole("button", { name: "Add to cart" }).click();
    await field(page, "entries: cart").getByText('["rope","rope"]').waitFor();
  });

  it("shows how the handle alone opens nothing", async () => {
    const page = await visitor();
    await add(page, "Mooring rope");
    await page.goto("/life");
    const { handle } = await idOf(page);
    const forged = await fetch(`${shop.url}/cart`, { headers: { Cookie: `sid=${handle}.${"A".repeat(43)}` } });
    expect(await forged.text()).toContain("Your cart is empty.");
    await story(page).getByText("The right handle with a wrong secret").waitFor();
  });

  it("tells the page when its session ends elsewhere", async () => {
    const [desk, phone] = await Promise.all([visitor(0), visitor(1)]);
    await Promise.all([signIn(desk, "Mina"), signIn(phone, "Mina")]);
    const { handle } = await idOf(desk);
    await desk.goto("/life");
    await phone.goto("/devices");
    await phone.getByRole("button", { name: "Sign out all other devices" }).click();
    await desk.getByText("This session has ended.").waitFor();
    // It is told of its own session alone, not of the one that did it.
    expect(await story(desk).first().textContent()).not.toContain((await idOf(phone)).handle);

    await desk.getByRole("link", { name: "Load the page again" }).click();
    await desk.getByText("It opens nothing: the session it names has ended.").waitFor();
    await desk.getByRole("button", { name: "Add to cart" }).click();
    await field(desk, "entries: cart").getByText('["rope"]').waitFor();
    expect((await idOf(desk)).handle).not.toBe(handle);
  });

  it("speaks the browser's language, or the chosen one", async () => {
    const page = await visitor(0, { locale: "ko-KR" });
    await page.goto("/");
    await page.getByRole("heading", { name: "꼭 붙들어 주는 물건들" }).waitFor();
    await page.getByRole("link", { name: "English" }).click();
    await page.getByRole("link", { name: "What happens" }).click();
    await page.getByRole("heading", { name: "What your browser has" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
  });

  it("fits a phone, in Korean too", async () => {
    const page = await visitor(1, {
      locale: "ko-KR",
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
    });
    await page.goto("/");
    await page.getByRole("button", { name: "담기: 법랑 머그" }).click();
    await page.getByText("‘법랑 머그’ 상품을 장바구니에 담았습니다.").waitFor();
    for (const signedIn of [false, true]) {
      for (const path of PAGES) {
        await page.goto(path);
        // Not innerWidth: a phone zooms out until all of it fits.
        const width = await page.evaluate("document.documentElement.scrollWidth");
        expect(width, `${path} scrolls sideways`).toBe(360);
        if (signedIn) await picture(page, `phone${path.replace(/^\/$/, "/shop").replace("/", "-")}`);
      }
      await page.goto("/sign-in");
      await page.getByRole("button", { name: "하린 님으로 로그인" }).click();
      await page.getByText("하린 님, 환영합니다.").waitFor();
    }
  });
});

/** A busy machine is slow, not wrong. */
const POLL = { timeout: 10_000 };

const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
