import { createServer } from "node:http";
import { connect as connect2, createServer as createServer2 } from "node:http2";
import { connect } from "node:net";
import { describe, expect, it, vi } from "vitest";
import type { RequestHead } from "../../src/core/transport.ts";
import { requestHead } from "../../src/http/head.ts";
import { listening } from "./listen.ts";

const received = async (lines: string[]): Promise<RequestHead> => {
  let head: RequestHead | undefined;
  const server = createServer((request, response) => {
    head = requestHead(request);
    response.end();
  });
  const socket = connect(await listening(server), "127.0.0.1");
  socket.end(["GET / HTTP/1.1", "Host: x", "Connection: close", ...lines, "", ""].join("\r\n"));
  await socket.toArray();
  return head!;
};

describe("a request's head", () => {
  it("has each header by its name in lower case, and none that was not sent", async () => {
    const head = await received(["X-Forwarded-Proto: https"]);
    expect(head.header("x-forwarded-proto")).toBe("https");
    expect(head.header("cookie")).toBeUndefined();
  });

  it("joins several lines as HTTP does: cookies by semicolons, others by commas", async () => {
    const head = await received([
      "Cookie: a=1",
      "cookie: sid=2",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Proto: http",
    ]);
    expect(head.header("cookie")).toBe("a=1; sid=2");
    expect(head.header("x-forwarded-proto")).toBe("https, http");
  });

  it("joins the crumbs into which HTTP/2 breaks a cookie", async () => {
    let head: RequestHead | undefined;
    const server = createServer2((request, response) => {
      head = requestHead(request);
      response.end();
    });
    const session = connect2(`http://127.0.0.1:${await listening(server)}`);
    await session.request({ cookie: ["a=1", "sid=2"] }).toArray();
    session.close();
    expect(head!.header("cookie")).toBe("a=1; sid=2");
  });

  describe("is encrypted", () => {
    const request = (encrypted?: boolean, headers = {}) => ({ headers, socket: { encrypted } }) as never;
    const forwarded = { "x-forwarded-proto": "https" };

    it("where the socket is, and the framework isn't asked", () => {
      const isSecure = vi.fn();
      expect(requestHead(request(true), isSecure).encrypted).toBe(true);
      expect(requestHead(request(), isSecure).encrypted).toBe(false);
      expect(isSecure).not.toHaveBeenCalled();
    });

    it("where the framework says so of what a proxy forwarded", () => {
      expect(requestHead(request(false, forwarded), () => true).encrypted).toBe(true);
      expect(requestHead(request(true, forwarded), () => false).encrypted).toBe(false);
    });

    it("where the socket is, when there is no framework to judge what was forwarded", () => {
      for (const isSecure of [undefined, () => undefined]) {
        expect(requestHead(request(true, forwarded), isSecure).encrypted).toBe(true);
        expect(requestHead(request(false, forwarded), isSecure).encrypted).toBe(false);
      }
    });
  });
});
