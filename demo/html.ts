/** Markup that is safe to send. {@link html} alone makes it, and escapes whatever is put in. */
export class Html {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static of(parts: TemplateStringsArray, contents: readonly Content[]): Html {
    return new Html(parts.reduce((text, part, i) => text + markup(contents[i - 1]) + part));
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand between the parts of a template. `false` and `undefined` leave nothing, so that `condition && html…` reads well. */
export type Content = Html | string | number | false | undefined | readonly Content[];

/** A template whose every value is escaped, in the text as in quoted attributes, unless it is markup from here. */
export const html = (parts: TemplateStringsArray, ...contents: Content[]): Html => Html.of(parts, contents);

/** A translated text with its `code` between backticks. */
export const prose = (text: string): Content =>
  text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function markup(content: Content): string {
  if (content === undefined || content === false) return "";
  if (content instanceof Html) return content.toString();
  if (typeof content === "object") return content.map(markup).join("");
  return String(content).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
