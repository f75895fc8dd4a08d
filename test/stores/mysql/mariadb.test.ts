import { describe, expect, it } from "vitest";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { describeWith } from "../../needs.ts";
import { newRecord } from "../fixtures.ts";
import { mysqlPool } from "../sql/database.ts";
import { kit } from "../sql/kit.ts";
import { mysqlStoreTests } from "../sql/mysql.ts";
import { newTable } from "../sql/suite.ts";

describeWith("MariaDB", "the MySQL store on MariaDB", (place) => {
  const database = mysqlStoreTests(place);

  describe("keeps the contract at snapshot isolation, the default from 11.6 on", () => {
    kit(() => mysqlPool(database.url, { settings: "innodb_snapshot_isolation = ON" }), mysqlStore, { raced: true });
  });

  it("logs a user out everywhere though EMPTY_STRING_IS_NULL is on", async () => {
    const store = database.store({ table: newTable() }, { settings: "sql_mode = 'EMPTY_STRING_IS_NULL'" });
    await store.create("h", newRecord({ userId: "ada" }));
    expect(await store.deleteAll("ada")).toEqual(["h"]);
  });
});
