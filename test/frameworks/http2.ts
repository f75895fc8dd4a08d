import { type ClientHttp2Stream, connect, constants } from "node:http2";
import { type Head, pairs, type Speak } from "../../src/testing/adapters/client.ts";

/** A client of HTTP/2 for the adapters' suite. */
export const speakHttp2: Speak = (url, { method, path, headers }) => {
  const connection = connect(url, { rejectUnauthorized: false });
  const stream = connection.request({ ":method": method, ":path": path, ...headers }, { endStream: false });
  let answered = false;
  connection.on("error", () => {});
  stream.on("error", () => {});
  stream.on("close", () => connection.close());
  stream.on("headers", () => (answered = true));
  const head = new Promise<Head>((resolve, reject) => {
    stream.on("response", (response, _flags, raw: unknown) => {
      answered = true;
      const fields = pairs(raw as string[]).filter(([name]) => !name.startsWith(":"));
      resolve({ status: response[":status"]!, headers: fields });
    });
    stream.on("close", () => reject(new Error("The stream was closed before its head.")));
  });
  head.catch(() => {});
  return {
    write: (piece) => void stream.write(piece),
    end: () => void stream.end(),
    abort: () => stream.close(constants.NGHTTP2_CANCEL),
    get answered() {
      return answered;
    },
    head,
    body: { [Symbol.asyncIterator]: () => body(stream) },
  };
};

async function* body(stream: ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  yield* stream;
  if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error(`The stream broke off: ${stream.rstCode}`);
}
