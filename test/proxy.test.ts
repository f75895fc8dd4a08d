import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startProxy, type TcpProxy } from "./proxy.ts";

describe("a proxy that fails on command", () => {
  const heard: string[] = [];
  const echo = createServer((socket) => {
    socket.on("data", (data) => {
      heard.push(String(data));
      socket.write(data);
    });
    socket.on("error", () => {});
  });
  let proxy: TcpProxy;
  const clients: Socket[] = [];

  beforeAll(async () => {
    await once(echo.listen(0, "127.0.0.1"), "listening");
  });
  beforeEach(async () => {
    heard.length = 0;
    proxy = await startProxy({ port: (echo.address() as AddressInfo).port });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
  });
  afterAll(() => echo.close());

  async function client(): Promise<Socket> {
    const socket = connect(proxy.port, "127.0.0.1");
    clients.push(socket);
    await once(socket, "connect");
    return socket;
  }

  async function says(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    const [data] = await once(socket, "data");
    return String(data);
  }

  it("passes on what it is given", async () => {
    const socket = await client();
    expect(await says(socket, "one")).toBe("one");
    expect(proxy.connections).toBe(1);
    proxy.delay(5);
    expect(await says(socket, "two")).toBe("two");
  });

  it("holds a request before the server hears it, and lets it flow", async () => {
    const socket = await client();
    const isHeld = proxy.hold("requests");
    const answer = says(socket, "one");
    await isHeld;
    expect(heard).toEqual([]);
    proxy.flow();
    expect(await answer).toBe("one");
  });

  it("loses a reply to what the server has heard", async () => {
    const socket = await client();
    const isHeld = proxy.hold("replies");
    socket.write("one");
    await isHeld;
    expect(heard).toEqual(["one"]);
    proxy.cut();
    await once(socket, "close");
    expect(socket.bytesRead).toBe(0);
    expect(await says(await client(), "two")).toBe("two");
  });

  it("resets connections", async () => {
    const socket = await client();
    await says(socket, "one");
    proxy.reset();
    const [error] = await once(socket, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  it("refuses connections until it is up again", async () => {
    const socket = await client();
    const closed = once(socket, "close");
    await proxy.down();
    await closed;
    await expect(client()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await proxy.up();
    expect(await says(await client(), "two")).toBe("two");
  });
});
