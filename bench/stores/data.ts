/** What the benches of stores keep in a session: four entries, about 200 bytes as JSON. */
export const DATA = {
  user: { name: "Ada Lovelace", roles: ["customer", "reviewer"] },
  cart: [
    { id: 1, title: "A Treatise on Tea" },
    { id: 2, title: "The Kettle" },
  ],
  theme: "dark",
  views: 0,
};
