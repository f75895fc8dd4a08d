import { session } from "../sessions";
import { add, login, logout } from "./actions";

export default async function Page() {
  const { data, userId } = await session();
  return (
    <main>
      <p>{`views: ${data.views ?? 0}`}</p>
      <p>{`user: ${userId ?? "nobody"}`}</p>
      <form action={add}>
        <button type="submit" name="add">
          add
        </button>
      </form>
      <form action={login}>
        <input name="user" required />
        <button type="submit" name="login">
          log in
        </button>
      </form>
      <form action={logout}>
        <button type="submit" name="logout">
          log out
        </button>
      </form>
    </main>
  );
}
