import { randomUUID } from "node:crypto";
import MongoStore from "connect-mongo";
import { MongoClient } from "mongodb";
import { describeWith } from "../../needs.ts";
import { storeSuite } from "./suite.ts";

// Its base is the Store of the express-session that it imports, whichever library the app uses.
describeWith("MongoDB", "connect-mongo", (url) => {
  storeSuite(async () => {
    const client = await new MongoClient(url).connect();
    const dbName = `holdfast-${randomUUID()}`;
    return {
      open: () => MongoStore.create({ client, dbName, autoRemove: "disabled" }),
      async close() {
        await client.db(dbName).dropDatabase();
        await client.close();
      },
    };
  });
});
