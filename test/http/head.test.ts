import { createServer } from "node:http";
import { connect as connect2, createServer as createServer2 } from "node:http2";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
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

  it("is encrypted where the socket is, unless the framework knows better", () => {
    const request = (encrypted?: boolean) => ({ headers: {}, socket: { encrypted } }) as never;
    expect(requestHead(request(true)).encrypted).toBe(true);
    expect(requestHead(request()).encrypted).toBe(false);
    expect(requestHead(request(), true).encrypted).toBe(true);
    expect(requestHead(request(true), false).encrypted).toBe(false);
  });
});
