import { defineCachedHandler } from "nitro/runtime";

export default defineCachedHandler(() => "for everybody", { maxAge: 60 });
