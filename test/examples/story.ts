import { expect, onTestFinished } from "vitest";
import { Browser, type Example, newFolder } from "../docs/example.ts";

/** What the examples do that are one server each: `start` starts it in a folder, where it leaves its sessions. */
export async function countsAndLogsIn(start: (folder: string) => Promise<Example>): Promise<void> {
  const folder = newFolder();
  onTestFinished(folder.remove);
  let example = await start(folder.path);
  const browser = new Browser(example);
  expect(await browser.page()).toBe("Hello stranger: 1 views.");
  const { status, headers } = await browser.request("POST", "/login", { user: "<ada>" });
  expect([status, headers.get("location")]).toEqual([303, "/"]);
  expect(await browser.page()).toMatch(/^Hello &(#60|lt);ada&(#62|gt);: 2 views\.$/);

  await example.stop();
  example = await start(folder.path);
  onTestFinished(() => example.stop());
  const later = new Browser(example, browser.cookie);
  expect(await later.page()).toMatch(/^Hello &(#60|lt);ada&(#62|gt);: 3 views\.$/);
  const [leaving, left] = [new Browser(example, later.cookie), later];
  expect((await leaving.request("POST", "/logout", {})).status).toBe(303);
  expect(leaving.cookie).toBeUndefined();
  expect(await left.page()).toBe("Hello stranger: 1 views.");
}
