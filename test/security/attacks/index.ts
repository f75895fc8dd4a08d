import type { Probe } from "../target.ts";
import { device } from "./device.ts";
import { endings } from "./endings.ts";
import { fixation } from "./fixation.ts";
import { leaks } from "./leaks.ts";
import { parsing } from "./parsing.ts";

/** The attacks that have hit others, by the numbers of the list that they are kept under; it has no 12. */
export const attacks: readonly Probe[] = [...fixation, ...endings, ...parsing, ...leaks, ...device];
