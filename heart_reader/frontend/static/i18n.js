// The words of the page. One JSON file per language; keys are dotted paths, values text, or forms by plural category.

export const LANGUAGES = {
  en: { name: "English", direction: "ltr" },
  fr: { name: "Français", direction: "ltr" },
  ar: { name: "العربية", direction: "rtl" },
};
const STORAGE_KEY = "heart_reader.language";
// Bidirectional isolates: an English lead name or a number inside an Arabic sentence must not move its neighbours.
const ISOLATE = "\u2068";
const LEFT_TO_RIGHT = "\u2066";
const POP = "\u2069";

const events = new EventTarget();
const formats = new Map();
const current = { code: "en", strings: {}, plural: new Intl.PluralRules("en") };

/** Code of the language of the page. */
export const language = () => current.code;

/** "ltr" or "rtl". */
export const direction = () => LANGUAGES[current.code].direction;

/** Call `listener` after each change of language. */
export const onLanguageChange = (listener) => events.addEventListener("change", listener);

/** Load a language and put its words on the page. */
export async function setLanguage(code) {
  const answer = await fetch(`static/languages/${code}.json`);
  if (!answer.ok) throw new Error(`language file ${code}: the server answered ${answer.status}`);
  Object.assign(current, { code, strings: await answer.json(), plural: new Intl.PluralRules(code) });
  document.documentElement.lang = code;
  document.documentElement.dir = direction();
  translate(document);
  events.dispatchEvent(new Event("change"));
}

/** Remember the language that was chosen; nothing else about the person or the reading is stored. */
export function rememberLanguage(code) {
  try {
    localStorage.setItem(STORAGE_KEY, code);
  } catch {
    // A browser that stores nothing asks again next time.
  }
}

/** The language that was chosen before, or the first of the browser's that exists here. */
export function preferredLanguage() {
  let chosen = null;
  try {
    chosen = localStorage.getItem(STORAGE_KEY);
  } catch {
    // Storage may be forbidden.
  }
  const wanted = [chosen, ...navigator.languages.map((tag) => tag.split("-")[0])];
  return wanted.find((code) => code in LANGUAGES) ?? "en";
}

/** Whether the language has words for `key`. */
export const has = (key) => lookUp(key) !== undefined;

/** The words for `key`; `{name}` takes the value of that name, and `count` chooses the plural form. */
export function t(key, values = {}) {
  const found = lookUp(key);
  if (found === undefined) return key;
  const text = typeof found === "string" ? found : (found[current.plural.select(values.count)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolate(values[name]) : whole));
}

/** A number in the manner of the language, with Latin digits in each. */
export function formatNumber(value, digits = 0) {
  return numberFormat({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** A number with as many digits as it has. */
export const formatPlain = (value) => numberFormat({ maximumFractionDigits: 12 }).format(value);

/** A share from 0 to 1 as a percentage; nothing is said to be impossible or certain. */
export function formatPercent(value, digits = 1) {
  const format = numberFormat({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
  const least = 10 ** -(digits + 2);
  const text = value > 0 && value < least ? `< ${format.format(least)}` : value < 1 && value > 1 - least ? `> ${format.format(1 - least)}` : format.format(value);
  return direction() === "rtl" ? `${LEFT_TO_RIGHT}${text}${POP}` : text;
}

/** Names in a row with the "and" of the language. */
export function formatList(items) {
  if (!formats.has(current.code)) formats.set(current.code, new Intl.ListFormat(current.code, { type: "conjunction" }));
  return formats.get(current.code).format(items.map(isolate));
}

/** Put words into every element below `root` that names its key: data-i18n for its text, data-i18n-<attribute> for an attribute. */
export function translate(root) {
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const attribute of ["title", "placeholder", "aria-label"]) {
    for (const node of root.querySelectorAll(`[data-i18n-${attribute}]`)) node.setAttribute(attribute, t(node.getAttribute(`data-i18n-${attribute}`)));
  }
}

function lookUp(key) {
  return key.split(".").reduce((part, name) => part?.[name], current.strings);
}

function isolate(value) {
  return direction() === "rtl" ? `${ISOLATE}${value}${POP}` : String(value);
}

function numberFormat(options) {
  // Making a format takes longer than using it a thousand times.
  const key = `${current.code} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(`${current.code}-u-nu-latn`, options));
  return formats.get(key);
}
