import { createSessions, type Transport } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { loginAs } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import { formatId, parseId } from "../../src/core/id.ts";
import { idsOf } from "../../src/core/transport.ts";
import { client, head } from "./client.ts";

interface Data {
  n: number;
}

/** Ids backwards, in a cookie of its own. */
const backwards: Transport = {
  receive(head) {
    const value = head.header("cookie")?.replace(/^desrever=/, "");
    const turned = (text: string): string => [...text].reverse().join("");
    return {
      ids: idsOf(value ? [turned(value)] : [], parseId),
      presented: value !== undefined,
      vary: "Cookie",
      set: (id, maxAge) => ({ setCookie: `desrever=${turned(formatId(id))}; Max-Age=${maxAge}` }),
      clear: () => ({ setCookie: "desrever=; Max-Age=0" }),
    };
  },
};

describe("a cookie with a path", () => {
  it.each([
    ["/admin", true],
    ["/admin/users", true],
    ["/administrator", false],
    ["/", false],
    ["/shop/admin", false],
    [undefined, true],
  ])("is given at %s: %s", async (path, isGiven) => {
    const sessions = createSessions<Data>({ store: memoryStore(), cookie: { path: "/admin" } });
    const exchange = await sessions.open({ ...head(), path });
    exchange.session.data.n = 1;
    const committed = Promise.resolve().then(() => exchange.commit());
    if (isGiven) expect((await committed).setCookie).toContain("; Path=/admin;");
    else await expect(committed).rejects.toMatchObject({ code: "outside-cookie-path", details: { path: "/admin" } });
    await sessions.close();
  });
});

describe("bearer tokens", () => {
  it("are what loginAs answers, where they are the transport", async () => {
    const sessions = createSessions<Data>({ store: memoryStore(), transport: "bearer" });
    const authorization = await loginAs(sessions, "ada", { data: { n: 1 } });
    expect(authorization).toMatch(/^Bearer [\w-]{22}\.[\w-]{43}$/);
    const { session } = await sessions.open(head({ authorization }));
    expect([session.userId, session.data.n]).toEqual(["ada", 1]);
    await sessions.close();
  });
});

describe("a transport of one's own", () => {
  it("gives the id, finds it again, and takes it back", async () => {
    const sessions = createSessions<Data>({ store: memoryStore(), transport: backwards });
    const browser = client(sessions);
    const { edits } = await browser.set({ n: 1 });
    expect(edits.setCookie).toMatch(/^desrever=[\w-]{43}\.[\w-]{22}; Max-Age=undefined$/);
    expect((await browser.request(({ data }) => data.n)).value).toBe(1);
    expect((await browser.request((session) => session.destroy())).edits.setCookie).toBe("desrever=; Max-Age=0");
    await sessions.close();
  });

  it("stands in the place of the cookie options", () => {
    const store = memoryStore();
    expect(() => createSessions({ store, transport: backwards, cookie: { name: "x" } })).toThrow(
      expect.objectContaining({ code: "option-conflict" }),
    );
    expect(() => createSessions({ store, transport: "bearer", cookie: { name: "x" } })).toThrow(
      expect.objectContaining({ code: "option-conflict" }),
    );
    for (const transport of [{} as Transport, "barer" as "bearer", null as unknown as Transport]) {
      expect(() => createSessions({ store, transport })).toThrow(expect.objectContaining({ code: "option-invalid" }));
    }
  });
});
