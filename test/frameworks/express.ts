import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Response } from "express";
import type { AppReply } from "holdfast/testing";

/** Gives a reply by Express's own means. */
export async function answer(response: Response, reply: AppReply): Promise<void> {
  switch (reply.kind) {
    case "send":
      response.status(reply.status).set(reply.headers).send(reply.body);
      break;
    case "redirect":
      response.redirect(reply.location);
      break;
    case "stream":
      await pipeline(Readable.from(reply.chunks), response.set(reply.headers));
  }
}
