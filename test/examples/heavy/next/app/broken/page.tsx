import { createSessions } from "holdfast";
import { nextSessions } from "holdfast/next";
import { memoryStore } from "holdfast/stores/memory";
import { cookies, headers } from "next/headers";
import { redirect } from "next/navigation";

const down = (): never => {
  throw new Error("down");
};
const sessions = createSessions<{ n: number }>({ store: { ...memoryStore(), create: down } });
const { withSession } = nextSessions(sessions, { cookies, headers });

export default function Page() {
  async function save() {
    "use server";
    await withSession((session) => {
      session.data.n = 1;
    })();
  }
  async function saveAndLeave() {
    "use server";
    await withSession((session) => {
      session.data.n = 1;
      redirect("/");
    })();
  }
  return (
    <main>
      <form action={save}>
        <button type="submit" name="save" />
      </form>
      <form action={saveAndLeave}>
        <button type="submit" name="saveAndLeave" />
      </form>
    </main>
  );
}
