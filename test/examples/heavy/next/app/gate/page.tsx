export { default } from "../forms/page";
