import { ko } from "./text.ko.ts";

const en = {
  shopName: "Tidepool Store",
  slogan: "Things that hold fast",
  tagline: "Six of them, for boats, for coats and for cold evenings.",
  footer: "A demo of holdfast. Nothing is sold and nothing is sent.",
  language: "Language",
  skip: "Skip to the page",
  shop: "Shop",
  cart: "Cart",
  devices: "Your devices",
  life: "What happens",
  signIn: "Sign in",
  signOut: "Sign out",

  rope: "Mooring rope",
  ropeAbout: "Ten metres, three strands, no surprises.",
  anchor: "Small anchor",
  anchorAbout: "For a small boat, or a large door.",
  hook: "Brass hook",
  hookAbout: "Two arms, one screw, coats for life.",
  lantern: "Storm lantern",
  lanternAbout: "Burns on when the weather doesn’t agree.",
  mug: "Enamel mug",
  mugAbout: "Falls well. Keeps tea warm enough.",
  kelp: "Kelp tea",
  kelpAbout: "From plants that know how to hold on.",

  add: "Add to cart",
  added: (name: string) => `${name} is in your cart.`,
  cartEmpty: "Your cart is empty.",
  cartKept: "Your cart lives in the session: it survives signing in, and a restart of the server.",
  item: "Item",
  count: "Count",
  sum: "Price",
  total: "Total",
  remove: "Remove",
  removeOne: (name: string) => `Remove one: ${name}`,
  order: "Place the order",
  ordered: "Thank you! This is a demo, so nothing will arrive.",
  toShop: "To the shop",

  noPassword: "No password here: this is a demo, so choose any name. A shop of yours would check who it is first.",
  yourName: "Your name",
  regulars: "Or come in as one of our regulars",
  signInAs: (name: string) => `Sign in as ${name}`,
  staySignedIn: "Keep me signed in when the browser closes",
  welcome: (name: string) => `Welcome, ${name}. Your cart came along.`,

  devicesIntro: "Every browser in which you are signed in. Don’t know one of them? Sign it out: it ends at once.",
  devicesSignedOut: "Sign in, and you see here where else you are.",
  device: "Device",
  lastUsed: "Last used",
  signedInAt: "Signed in",
  thisDevice: "this device",
  deviceOn: (browser: string, system: string) => `${browser} on ${system}`,
  unknownDevice: "Unknown device",
  signOutDevice: (device: string) => `Sign out ${device}`,
  signOutOthers: "Sign out all other devices",
  othersSignedOut: (n: number) =>
    n === 1 ? "One other device was signed out." : `${n} other devices were signed out.`,
  deviceSignedOut: "The device was signed out.",

  lifeIntro:
    "Your browser keeps one cookie, the server all the rest. Here is what each of them has, as it happens. Press a button, or use the shop in another tab, and watch.",
  newId: "New id",
  theHandle: "handle",
  handleIs: "names the session for its whole life. Not a secret.",
  theSecret: "secret",
  secretIs: "proves that the session is yours. New at every sign-in.",
  theHash: "hash",
  hashIs: "all that the server keeps of the secret.",

  browserHas: "What your browser has",
  cookieHeader: "The Cookie header of this request",
  cookieCut: "Cut short on this page. Whole, it would open your session for whoever reads it.",
  cookieNone: "None. Visitors who only look get no cookie.",
  cookieDead: "It opens nothing: the session it names has ended. Your next change begins a new one.",
  cookieMemory: "A memory cookie: it goes when the browser closes.",
  cookiePersistent: "A persistent cookie: it stays when the browser closes.",
  scriptsSee: "What a script on this page can read of it",
  nothing: "nothing",
  lastSetCookie: "The last Set-Cookie",
  setCookieNone: "None since the server started. The browser keeps what it has.",
  attributes: {
    HttpOnly: "No script can read it.",
    Secure: "Travels over https alone.",
    Path: "For every page of this site.",
    SameSite: "Forms on other sites are sent without it.",
    "Max-Age": "Stays so many seconds, even when the browser closes.",
    memory: "Goes when the browser closes.",
  },

  serverHas: "What the server has",
  lookUp: "How it found your session",
  lookUpSplit: "The cookie’s value splits at the dot into",
  lookUpRead: "The store reads the record under the handle:",
  lookUpHash: "The secret’s SHA-256 is the record’s hash:",
  lookUpLives: "Both timeouts lie ahead:",
  version: (n: number) => `version ${n}`,
  lives: "the session lives",
  recordGone: "Nothing. The store was asked, and has no live record that this cookie opens.",
  recordNone:
    "Nothing about you. Without a cookie the store isn’t even asked. Put something into the cart, and a session begins.",
  record: "The record in the store",
  recordHash: "The secret itself is nowhere. Whoever steals this record can open no session with it.",
  timeouts: "How long it lives",
  idle: "Idle timeout",
  idleIs: "Begins anew with use, which is noted once a tenth of it has passed.",
  absolute: "Absolute timeout",
  absoluteIs: "Runs from the sign-in, or from the beginning. No use moves it.",
  ended: "This session has ended. Its id opens nothing any more.",
  reload: "Load the page again",

  happens: "As it happens",
  happensNone: "Nothing yet.",
  noCookie: "no session cookie",
  found: (version: number) => `version ${version}`,
  foundNothing: "nothing",
  writes: {
    updated: (version: number) => `now version ${version}`,
    gone: "refused: the session has ended, or has a new id",
    conflict: "another request was quicker: once more",
  },
  steps: {
    loaded: "The secret fits, the session lives.",
    created: "A session begins.",
    rotated: "A new secret under the same handle. The id from before is dead.",
    destroyed: "The session ends.",
    expired: "Its time is over.",
    revoked: "The session is ended from outside.",
    malformed: "That is no id.",
    unknown: "No such session.",
    "wrong-secret": "The right handle with a wrong secret: refused, and no harm to your session.",
    superseded: "A secret from before came back: a copy, or a very slow request. Refused.",
    corrupt: "The record can’t be read.",
  },
  forge: "The handle is no secret. Try to get in with it alone:",

  notFound: "There is no such page.",
  refused: "This form came from another site, so nothing was done.",
  sessionGone: "Your session ended, or got a new id, while this was under way. Nothing was changed; please try again.",
  failed: "Something went wrong on our side. Nothing was changed; please try again.",
};

/** Every text of the demo. A translation that lacks one doesn't compile. */
export type Text = typeof en;

export const TEXTS = { en, ko };

export type Language = keyof typeof TEXTS;

export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "ko", name: "한국어" },
];

export const isLanguage = (code: unknown): code is Language => LANGUAGES.some((language) => language.code === code);
