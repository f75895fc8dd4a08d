/**
 * Preloaded (`node --import`) into the process of an example: `import … from "holdfast"` leads to `src`, so that no build is needed.
 * The port on which the example listens goes to the test, and the example ends with the test's process.
 */
import { subscribe } from "node:diagnostics_channel";
import { registerHooks } from "node:module";
import type { AddressInfo, Server } from "node:net";
import { pathToFileURL } from "node:url";
import { internals, subpaths } from "../package/subpaths.ts";

const sources = new Map(
  [...subpaths, ...internals].map(({ specifier, source }) => [specifier, pathToFileURL(source).href]),
);

registerHooks({ resolve: (specifier, context, next) => next(sources.get(specifier) ?? specifier, context) });

subscribe("tracing:net.server.listen:asyncEnd", (message) => {
  const { server } = message as { server: Server };
  process.send?.((server.address() as AddressInfo).port);
});

process.once("disconnect", () => process.exit());
