import { holdOnAll } from "../on-targets.ts";
import { attacks } from "./index.ts";

holdOnAll(attacks);
