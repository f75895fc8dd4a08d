import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatId, newHandle, newSecret } from "../../src/core/id.ts";
import { sessionIdOf, sidOf } from "../../src/express-session/id.ts";
import { secretKeys, sign } from "../../src/express-session/signature.ts";
import { expressTransport } from "../../src/express-session/transport.ts";
import { head } from "../core/client.ts";
import { app, original, SECRET } from "./apps.ts";

const native = () => ({ handle: newHandle(), secret: newSecret() });
const cookieOf = (sid: string, secret = SECRET) => `connect.sid=${encodeURIComponent(sign(sid, secretKeys(secret)))}`;
const receive = (cookie: string | undefined, options = {}, https = false) =>
  expressTransport({ secret: SECRET, ...options }).receive(head({ cookie }), https);

describe("the id of a sid", () => {
  it("is the native one itself, and any other sid's secret is the sid", () => {
    const id = native();
    expect(sessionIdOf(formatId(id))).toEqual(id);
    fc.assert(
      fc.property(fc.string(), (sid) => {
        const { handle, secret } = sessionIdOf(sid);
        expect(handle).toMatch(/^[\w-]{22}$/);
        expect(secret).toBe(sid);
      }),
    );
  });

  it("leads back to the sid, until the session has got a new secret", () => {
    fc.assert(fc.property(fc.string(), (sid) => sidOf(sessionIdOf(sid)) === sid));
    const { handle } = sessionIdOf("a-sid-of-the-app");
    const rotated = { handle, secret: newSecret() };
    expect(sessionIdOf(sidOf(rotated))).toEqual(rotated);
  });

  it("leads back to a sid that looks like a secret", () => {
    const sid = newSecret();
    expect(sidOf(sessionIdOf(sid))).toBe(sid);
  });
});

describe("expressTransport", () => {
  it("reads the cookies that express-session writes", async () => {
    const open = await app(original, {}, (req) => {
      req.session.a = 1;
      return req.sessionID;
    });
    const visitor = open();
    const { body } = await visitor.get("/");
    const received = receive(`connect.sid=${visitor.cookies.get("connect.sid")}`);
    expect(received).toMatchObject({ ids: [sessionIdOf(String(body))], presented: true });
  });

  it("writes cookies that express-session reads", async () => {
    const id = native();
    const asked: string[] = [];
    class Watched extends original.MemoryStore {
      override get(...[sid, done]: Parameters<InstanceType<typeof original.MemoryStore>["get"]>): unknown {
        asked.push(sid);
        return super.get(sid, done);
      }
    }
    const visitor = (await app(original, { store: new Watched() }, () => {}))();
    const [, value = ""] = /^connect\.sid=([^;]+)/.exec(receive(undefined).set(id, undefined).setCookie!) ?? [];
    visitor.cookies.set("connect.sid", value);
    await visitor.get("/");
    expect(asked).toEqual([formatId(id)]);
  });

  it("takes every cookie of the name that one of the secrets signed, once, and five at most", () => {
    const [one, two] = ["one", "two"];
    const header = [
      cookieOf("forged", "not ours"),
      "connect.sid=plain",
      "connect.sid=s%3A%E0%A4%A",
      cookieOf(one),
      cookieOf(two, "old"),
      cookieOf(one),
    ];
    const { ids, presented } = receive(header.join("; "), { secret: [SECRET, "old"] });
    expect([ids, presented]).toEqual([[one, two].map(sessionIdOf), true]);
    const many = Array.from({ length: 20 }, (_, i) => cookieOf(`sid${i}`)).join("; ");
    expect(receive(many).ids).toHaveLength(5);
  });

  it("tells a client without the cookie from one whose cookie is no id", () => {
    expect(receive(undefined)).toMatchObject({ ids: [], presented: false });
    expect(receive("other=1; connect.sid2=1")).toMatchObject({ ids: [], presented: false });
    expect(receive("connect.sid=1")).toMatchObject({ ids: [], presented: true });
  });

  it("signs with the first secret", () => {
    const id = native();
    const { set } = receive(undefined, { secret: ["new", SECRET] });
    expect(set(id, undefined).setCookie).toContain(cookieOf(formatId(id), "new"));
  });

  it("writes express-session's attributes", () => {
    const cookie = { domain: "example.com", path: "/app", sameSite: "strict", secure: "auto", partitioned: true };
    const { set, clear } = receive(undefined, { name: "id", cookie }, true);
    const attributes = "Domain=example.com; Path=/app";
    expect(set(native(), undefined).setCookie).toMatch(
      /^id=s%3A.*; Domain=example.com; Path=\/app; HttpOnly; Secure; Partitioned; SameSite=Strict$/,
    );
    expect(clear().setCookie).toBe(
      `id=; ${attributes}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned; SameSite=Strict`,
    );
    expect(receive(undefined, { cookie }).clear().setCookie).not.toContain("Secure");
  });

  it("keeps the cookie as long as it is told, or as express-session's maxAge says", () => {
    const expiry = (line: string) => Date.parse(/Expires=([^;]+)/.exec(line)?.[1] ?? "") - Date.now();
    expect(receive(undefined).set(native(), undefined).setCookie).not.toContain("Expires");
    expect(expiry(receive(undefined).set(native(), 60_000).setCookie!)).toBeGreaterThan(58_000);
    const lasting = receive(undefined, { cookie: { maxAge: 3_600_000 } });
    expect(expiry(lasting.set(native(), undefined).setCookie!)).toBeGreaterThan(3_598_000);
    expect(expiry(lasting.set(native(), 60_000).setCookie!)).toBeLessThanOrEqual(60_000);
  });

  it("refuses to go without a secret, or with attributes that no cookie can have", () => {
    for (const secret of ["", [], [""], undefined as unknown as string]) {
      expect(() => expressTransport({ secret })).toThrow(expect.objectContaining({ code: "option-invalid" }));
    }
    expect(() => expressTransport({ secret: SECRET, cookie: { domain: "a;b" } })).toThrow(TypeError);
  });
});
