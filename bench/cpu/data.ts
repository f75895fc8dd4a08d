/** What each measured session holds: four entries, about 200 bytes as JSON. */
export interface Data {
  user: { name: string; roles: string[] };
  cart: { id: number; title: string }[];
  theme: string;
  views: number;
}

export const DATA: Data = {
  user: { name: "Ada Lovelace", roles: ["customer", "reviewer"] },
  cart: [
    { id: 1, title: "A Treatise on Tea" },
    { id: 2, title: "The Kettle" },
  ],
  theme: "dark",
  views: 0,
};

/** What every measured app answers, so that all send the same bytes; `/begin` answers it too. */
export const answerTo = (value: unknown): string => (value === undefined ? "no session" : "ok");
