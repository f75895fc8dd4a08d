import type { IncomingMessage, ServerResponse } from "node:http";
import { hold } from "../http/hold.ts";
import { Exchange } from "./exchange.ts";
import { type SessionOptions, settle } from "./options.ts";
import { holdPartial } from "./partial.ts";
import { EXCHANGE, isBelow, presentedIds, type SessionRequest } from "./request.ts";

type Next = (error?: unknown) => void;

export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;
