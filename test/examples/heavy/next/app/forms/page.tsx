import { session } from "../../sessions";
import { addAndMiss, loginAndFail, loginAndStay, nested } from "./actions";

export default async function Page() {
  const { data, userId } = await session();
  return (
    <main>
      <p>{`views: ${data.views ?? 0}`}</p>
      <p>{`user: ${userId ?? "nobody"}`}</p>
      {Object.entries({ addAndMiss, loginAndFail, loginAndStay, nested }).map(([name, action]) => (
        <form key={name} action={action}>
          <button type="submit" name={name} />
        </form>
      ))}
    </main>
  );
}
