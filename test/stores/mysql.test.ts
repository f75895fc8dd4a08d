import { expect, it } from "vitest";
import { describeWith } from "../needs.ts";
import { mysqlStoreTests } from "./sql/mysql.ts";

describeWith("MySQL", "the MySQL store on MySQL", (place) => {
  const database = mysqlStoreTests(place);

  it("is not on MariaDB by mistake", async () => {
    expect(await database.run("SELECT version()")).not.toEqual([{ "version()": expect.stringContaining("MariaDB") }]);
  });
});
