import { afterAll, expect } from "vitest";
import { idsOnConsole, listenToConsole, total } from "./scan.ts";

// For every file of test/security: whatever is said while its tests run is searched for ids.
if (expect.getState().testPath?.includes("/test/security/")) {
  listenToConsole();
  afterAll(() => {
    const { apps, secrets, texts, found } = total("holdfast");
    if (texts === 0) return;
    const file = expect.getState().testPath!.split("/test/")[1];
    process.stdout.write(
      `id scan, ${file}: ${texts} texts of ${apps} apps, ${secrets} ids issued, found ${found.length}\n`,
    );
    expect(found).toEqual([]);
  });
} else {
  // Of all others, what they log.
  const found = idsOnConsole();
  afterAll(() => expect(found).toEqual([]));
}
