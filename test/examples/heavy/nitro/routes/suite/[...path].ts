import { defineHandler } from "nitro/h3";
import { suite } from "../../suite.ts";

export default defineHandler((event) => suite()?.answer(event));
