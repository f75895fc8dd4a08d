import type { Session } from "holdfast";
import { session } from "../../sessions";

/** What a page can't do, told by the codes of what is thrown. */
export default async function Page() {
  const own = (await session()) as unknown as Session<{ views: number; list: string[] }>;
  const attempts: Record<string, () => unknown> = {
    assign: () => {
      own.data.views = 7;
    },
    remove: () => {
      delete own.data.views;
    },
    login: () => own.login("ada"),
    destroy: () => own.destroy(),
    update: () => own.update("views", () => 7),
    flash: () => own.flash("note", "hello"),
  };
  const codes = [];
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt();
      codes.push(`${name} works`);
    } catch (error) {
      codes.push(`${name} ${(error as { code?: string }).code}`);
    }
  }
  return <pre>{codes.join(", ")}</pre>;
}
