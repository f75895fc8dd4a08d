import { describe } from "vitest";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { describeWith } from "../../needs.ts";
import { mysqlPool } from "../sql/database.ts";
import { kit } from "../sql/kit.ts";
import { mysqlStoreTests } from "../sql/mysql.ts";

describeWith("MariaDB", "the MySQL store on MariaDB", (place) => {
  const { url } = mysqlStoreTests(place);

  describe("keeps the contract at snapshot isolation, the default from 11.6 on", () => {
    kit(() => mysqlPool(url, { settings: "innodb_snapshot_isolation = ON" }), mysqlStore, { raced: true });
  });
});
