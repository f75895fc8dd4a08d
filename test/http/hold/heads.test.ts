import { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { commits, expectSame, type Handler, type Protocol, type Situation } from "./bare.ts";

const situations = Object.keys(commits) as Situation[];

/** Every way in which a handler gives Node its head. */
const heads: Record<string, Handler> = {
  "a status alone": (response) => response.writeHead(201).end("made"),
  "a status and a reason": (response) => response.writeHead(201, "Made It").end("made"),
  "headers as an object": (response) =>
    response.writeHead(200, { "X-One": "1", "Content-Type": "text/plain" }).end("x"),
  "a number as a header": (response) => response.writeHead(200, { "Content-Length": 1, "X-Number": 7 }).end("x"),
  "an object whose value is a list": (response) => response.writeHead(200, { "X-List": ["a", "b"] }).end("x"),
  "a reason and headers": (response) => response.writeHead(404, "Gone Fishing", { "X-One": "1" }).end("x"),
  "headers as a flat list": (response) => response.writeHead(200, ["X-One", "1", "X-Two", "2"]).end("x"),
  "a flat list with a name twice": (response) => response.writeHead(200, ["X-One", "1", "X-One", "2"]).end("x"),
  "a flat list with two cookies": (response) =>
    response.writeHead(200, ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "Content-Type", "text/plain"]).end("x"),
  "a reason and a flat list": (response) => response.writeHead(200, "Fine", ["X-One", "1"]).end("x"),
  "headers as a list of pairs": (response) => response.writeHead(200, pairs(["X-One", "1"], ["X-Two", "2"])).end("x"),
  "a list of pairs with a name twice": (response) =>
    response.writeHead(200, pairs(["X-One", "1"], ["X-One", "2"])).end("x"),
  "a list of pairs with a list as value": (response) => response.writeHead(200, pairs(["X-One", ["1", "2"]])).end("x"),
  "an empty object": (response) => response.writeHead(200, {}).end("x"),
  "an empty list": (response) => response.writeHead(200, []).end("x"),
  "undefined headers": (response) => response.writeHead(200, undefined).end("x"),
  "undefined headers after a reason": (response) => response.writeHead(200, "Fine", undefined).end("x"),
  "an undefined reason before headers": (response) =>
    response.writeHead(200, undefined as unknown as string, { "X-One": "1" }).end("x"),
  "headers in the place of two": (response) => {
    response.setHeader("X-One", "old");
    response.setHeader("X-Two", "kept");
    response.writeHead(200, { "x-one": "new" }).end("x");
  },
  "a flat list in the place of a header": (response) => {
    response.setHeader("X-One", "old");
    response.writeHead(200, ["x-one", "new", "X-ONE", "newer"]).end("x");
  },
  "cookies in the place of cookies": (response) => {
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    response.writeHead(200, { "Set-Cookie": ["c=3", "d=4"] }).end("x");
  },
  "a cookie beside one set before": (response) => {
    response.setHeader("Set-Cookie", "a=1");
    response.writeHead(200, { "X-One": "1" }).end("x");
  },
  "a Vary of its own": (response) => response.writeHead(200, { Vary: "Accept-Encoding" }).end("x"),
  "a Vary that names Cookie": (response) => response.writeHead(200, { vary: "accept, cookie" }).end("x"),
  "a Vary of *": (response) => response.writeHead(200, { vary: "*" }).end("x"),
  "a Vary by a list": (response) =>
    response.writeHead(200, { Vary: ["Accept", "Origin"] as unknown as string }).end("x"),
  "a Cache-Control of its own": (response) => response.writeHead(200, { "Cache-Control": "private" }).end("x"),
  "a length": (response) => response.writeHead(200, { "Content-Length": "2" }).end("hi"),
  "a Date of its own": (response) => response.writeHead(200, { Date: "Thu, 01 Jan 1970 00:00:00 GMT" }).end("hi"),
  "a 204": (response) => response.writeHead(204).end(),
  "a 304 with an ETag": (response) => response.writeHead(304, { ETag: '"1"' }).end(),
  "a redirect": (response) => response.writeHead(302, { Location: "/there" }).end(),
  "a status given as text": (response) => response.writeHead("201" as unknown as number).end("x"),
  "statusCode and setHeader": (response) => {
    response.statusCode = 202;
    response.setHeader("X-One", "1");
    response.end("x");
  },
  "setHeaders of a Headers": (response) => {
    response.setHeaders?.(new Headers({ "X-One": "1", "Set-Cookie": "a=1" }));
    response.end("x");
  },
  appendHeader: (response) => {
    response.appendHeader("X-One", "1");
    response.appendHeader("X-One", "2");
    response.end("x");
  },
  "writeHead and then no body": (response) => response.writeHead(200, { "X-One": "1" }).end(),
  "writeHead and then flushHeaders": (response) => {
    response.writeHead(200, { "X-One": "1" });
    response.flushHeaders();
    response.end("x");
  },
  "flushHeaders alone": (response) => {
    response.setHeader("X-One", "1");
    response.flushHeaders();
    response.end("x");
  },
  "flushHeaders twice": (response) => {
    response.flushHeaders();
    response.flushHeaders();
    response.end("x");
  },
  "nothing but end": (response) => response.end(),
};

/** Only HTTP/1.1 has reason phrases, and headers of the connection. */
const heads1: Record<string, Handler> = {
  statusMessage: (response) => {
    response.statusMessage = "Fine By Me";
    response.end("x");
  },
  "statusMessage, then a reason": (response) => {
    response.statusMessage = "One";
    response.writeHead(200, "Two").end("x");
  },
  "statusMessage, then writeHead without a reason": (response) => {
    response.statusMessage = "One";
    response.writeHead(200, { "X-One": "1" }).end("x");
  },
  "an unknown status": (response) => response.writeHead(799).end("x"),
  "a connection to close": (response) => response.writeHead(200, { Connection: "close" }).end("x"),
  "chunks by name": (response) => response.writeHead(200, { "Transfer-Encoding": "chunked" }).end("x"),
  "sendDate turned off": (response) => {
    response.sendDate = false;
    response.writeHead(200).end("x");
  },
};

/** An old name of writeHead, gone in Node 26. */
const { writeHeader } = ServerResponse.prototype as { writeHeader?: ServerResponse["writeHead"] };
if (writeHeader) {
  heads1.writeHeader = (response) => {
    (response as ServerResponse & { writeHeader: typeof writeHeader }).writeHeader(201, { "X-One": "1" });
    response.end("x");
  };
}

/** What Node refuses at once, it refuses at once. */
const refused: Record<string, Handler> = {
  "a status below 100": (response) => response.writeHead(99).end("x"),
  "a status above 999": (response) => response.writeHead(1000).end("x"),
  "a header's value with a line end": (response) => response.writeHead(200, { "X-One": "a\r\nb: c" }).end("x"),
  "a header without a value": (response) => response.writeHead(200, { "X-One": undefined }).end("x"),
  "a bad status by statusCode": (response) => {
    response.statusCode = 99;
    response.end("x");
  },
};

/** HTTP/2 takes what is no status for 200, and sends the head with writeHead itself, so that what comes after it breaks the response. */
const refused1: Record<string, Handler> = {
  "no status": (response) => (response.writeHead as () => ServerResponse)().end("x"),
  "a status that is no number": (response) => response.writeHead("x" as unknown as number).end("x"),
  "writeHead after writeHead": (response) => response.writeHead(200).writeHead(201, { "X-One": "1" }).end("x"),
  "setHeader after writeHead": (response) => {
    response.writeHead(200).setHeader("X-One", "1");
    response.end("x");
  },
  "appendHeader after writeHead": (response) => {
    response.writeHead(200).appendHeader("X-One", "1");
    response.end("x");
  },
  "removeHeader after writeHead": (response) => {
    response.writeHead(200).removeHeader("X-One");
    response.end("x");
  },
  "a reason with a line end": (response) => response.writeHead(200, "a\r\nb: c").end("x"),
  "a name that is no token": (response) => response.writeHead(200, { "X One": "1" }).end("x"),
  "a flat list with half a pair": (response) => response.writeHead(200, ["X-One", "1", "X-Two"]).end("x"),
};

const pairs = (...list: [string, string | string[]][]): string[] => list as unknown as string[];

const table: [Protocol, Record<string, Handler>][] = [
  ["HTTP/1.1", { ...heads, ...heads1 }],
  ["HTTP/2", heads],
];

describe.each(table)("by %s a held head is what Node would have sent", (protocol, handlers) => {
  describe.each(situations)("with %s", (situation) => {
    it.each(Object.entries(handlers))("%s", async (_, handler) => {
      const { complete } = await expectSame(handler, situation, { protocol });
      expect(complete).toBe(true);
    });

    it.each(Object.entries(handlers))("%s, asked for by HEAD", async (_, handler) => {
      await expectSame(handler, situation, { protocol, method: "HEAD" });
    });
  });
});

const refusals: [Protocol, Record<string, Handler>][] = [
  ["HTTP/1.1", { ...refused, ...refused1 }],
  ["HTTP/2", refused],
];

describe.each(refusals)("by %s a head that Node refuses is refused with a hold too", (protocol, handlers) => {
  describe.each(situations)("with %s", (situation) => {
    it.each(Object.entries(handlers))("%s", async (_, handler) => {
      await expectSame(handler, situation, { protocol });
    });
  });
});
