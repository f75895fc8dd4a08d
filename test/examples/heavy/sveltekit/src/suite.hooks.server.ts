import type { Handle, HandleServerError } from "@sveltejs/kit/hooks";
import { handle as own } from "./hooks.server";
import { suiteOf } from "./suite.server";

export const handle: Handle = (input) => (suiteOf(input.event)?.handle ?? own)(input);

export const handleError: HandleServerError = ({ error, event }) => {
  const suite = suiteOf(event);
  if (suite) return suite.handleError(error);
  console.error(error);
};
