import { once } from "node:events";
import { join } from "node:path";
import { io } from "socket.io-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { Browser, newFolder, run } from "../docs/example.ts";
import { root } from "../package/subpaths.ts";
import { countsAndLogsIn } from "./story.ts";

/** The examples that are one server each, and do all the same. */
describe.each(["express", "node", "fastify", "koa", "hono", "h3", "ws", "socket.io"])("the example for %s", (name) => {
  it("counts, logs in and out, and has its sessions again after a restart", () =>
    countsAndLogsIn((folder) => run(join(root, "examples", name, "server.ts"), folder)));
});

/** What of the examples of sockets their pages' scripts do. */
describe.each<[string, (url: string, cookie: string) => Promise<Page>]>([
  [
    "ws",
    async (url, cookie) => {
      const socket = new WebSocket(url.replace("http", "ws"), { headers: { cookie, origin: url } });
      const closed = once(socket, "close").then(([code]) => code);
      await once(socket, "open");
      const more = async (): Promise<string> => {
        socket.send("more");
        return String((await once(socket, "message"))[0]);
      };
      return { more, closed };
    },
  ],
  [
    "socket.io",
    async (url, cookie) => {
      const socket = io(url, { forceNew: true, extraHeaders: { cookie } });
      const closed = new Promise((resolve) => socket.on("disconnect", resolve));
      return { more: () => socket.emitWithAck("more"), closed };
    },
  ],
])("the example for %s", (name, open) => {
  it("counts in its sockets too, and closes them at the logout", async () => {
    const folder = newFolder();
    onTestFinished(folder.remove);
    const example = await run(join(root, "examples", name, "server.ts"), folder.path);
    onTestFinished(() => example.stop());
    const browser = new Browser(example);
    await browser.page();
    await browser.request("POST", "/login", { user: "ada" });
    const { more, closed } = await open(example.url, browser.cookie!);
    expect(await more()).toBe("Hello ada: 2 views.");
    expect(await browser.page()).toBe("Hello ada: 3 views.");
    expect(await more()).toBe("Hello ada: 4 views.");
    await browser.request("POST", "/logout", {});
    expect(await closed).toBe(name === "ws" ? 4401 : "io server disconnect");
  });
});

interface Page {
  /** Asks for one more by the socket, and answers what it says. */
  more(): Promise<string>;
  readonly closed: Promise<unknown>;
}
