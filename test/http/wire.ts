import { type OutgoingHttpHeaders, request } from "node:http";
import { connect, constants } from "node:http2";

export interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** What came back over the wire. */
export interface Answer {
  /** 0 where not even a head came. */
  status: number;
  reason: string;
  /** `Name: value`, in the order of their coming. */
  headers: string[];
  body: Buffer;
  trailers: string[];
  /** Whether the body ended as its head said it would; false where the connection broke. */
  complete: boolean;
}

const NOTHING: Answer = { status: 0, reason: "", headers: [], body: Buffer.alloc(0), trailers: [], complete: false };

/** One request by HTTP/1.1, over a connection of its own. */
export function ask(port: number, { body, ...options }: Question = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const asking = request({ host: "127.0.0.1", port, agent: false, ...options });
    asking.on("error", () => resolve(NOTHING));
    asking.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", () => {});
      response.on("close", () =>
        resolve({
          status: response.statusCode!,
          reason: response.statusMessage!,
          headers: lines(response.rawHeaders),
          body: Buffer.concat(chunks),
          trailers: lines(response.rawTrailers),
          complete: response.complete,
        }),
      );
    });
    asking.end(body);
  });
}

/** One request by HTTP/2 without TLS. */
export function ask2(port: number, { method = "GET", path = "/", headers, body }: Question = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const stream = session.request({ ":method": method, ":path": path, ...headers });
    const answer = structuredClone({ ...NOTHING, body: undefined }) as unknown as Answer;
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("response", (head, _flags, raw: unknown) => {
      answer.status = head[":status"]!;
      answer.headers = lines(raw as string[]).filter((line) => !line.startsWith(":"));
    });
    stream.on("trailers", (_head, _flags, raw: unknown) => {
      answer.trailers = lines(raw as string[]);
    });
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("close", () => {
      session.close();
      const complete = answer.status > 0 && stream.rstCode === constants.NGHTTP2_NO_ERROR;
      resolve({ ...answer, body: Buffer.concat(chunks), complete });
    });
    stream.end(body);
  });
}

function lines(raw: readonly string[]): string[] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
}
