import type { RequestHandler } from "@sveltejs/kit";
import { suiteOf } from "../../../suite.server";

const handle: RequestHandler = (event) => suiteOf(event)!.answer(event);

export { handle as DELETE, handle as GET, handle as POST, handle as PUT };
