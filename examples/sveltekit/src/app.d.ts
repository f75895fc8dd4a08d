import type { Session } from "holdfast";
import type { Data } from "./sessions.server";

declare global {
  namespace App {
    interface Locals {
      session: Session<Data>;
    }
  }
}
