import { fileURLToPath } from "node:url";
import { start } from "./app.ts";

// HOST=0.0.0.0 lets a phone in the same network see it too.
const { PORT = "3000", HOST, DATABASE = fileURLToPath(new URL("shop.db", import.meta.url)) } = process.env;

const shop = await start({ port: Number(PORT), host: HOST, database: DATABASE });
console.log(`The shop is open: ${shop.url}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void shop.close());
}
