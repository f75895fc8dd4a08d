import { holdOnAll } from "./on-targets.ts";
import { requirements } from "./requirements/index.ts";

holdOnAll(requirements);
