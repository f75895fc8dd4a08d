import type { Probe } from "../target.ts";
export const requirements: readonly Probe[] = [];
