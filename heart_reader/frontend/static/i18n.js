// The words of the page: one JSON file per language. Keys are dotted paths, values text, or forms
// by plural category.

import { fetchLanguages } from "./api.js";
import { store, stored } from "./storage.js";

// Bidirectional isolates: an English lead name or a number inside an Arabic sentence must not move
// its neighbours.
const ISOLATE = "\u2068";
const LEFT_TO_RIGHT = "\u2066";
const POP = "\u2069";

const events = new EventTarget();
const formats = new Map();
/** @type {{ code: string, strings: any, plural: Intl.PluralRules }} */
const current = { code: "en", strings: {}, plural: new Intl.PluralRules("en") };

/** Code of the language of the page. */
export const language = () => current.code;

/** "ltr" or "rtl". */
export const direction = () => current.strings.direction ?? "ltr";

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

/** Load the language chosen before, or the browser's; answers the names of all by code. */
export async function startLanguage() {
  const names = new Map((await fetchLanguages()).map(({ code, name }) => [code, name]));
  const wanted = [stored("language"), ...navigator.languages.map((tag) => tag.split("-")[0])];
  await setLanguage(wanted.find((code) => names.has(code)) ?? "en");
  return names;
}

/** Load a language and remember that it was chosen. */
export async function chooseLanguage(code) {
  await setLanguage(code);
  store("language", code);
}

/** Whether the language has words for `key`. */
export const has = (key) => lookUp(key) !== undefined;

/**
 * The words for `key`; `{name}` takes the value of that name, and `count` chooses the plural form.
 */
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
  if (value > 0 && value < least) return leftToRight(`< ${format.format(least)}`);
  return leftToRight(value < 1 && value > 1 - least ? `> ${format.format(1 - least)}` : format.format(value));
}

/** Names in a row with the "and" of the language. */
export function formatList(items) {
  if (!formats.has(current.code)) formats.set(current.code, new Intl.ListFormat(current.code, { type: "conjunction" }));
  return formats.get(current.code).format(items.map(isolate));
}

/**
 * Put words into every element below `root` that names its key: data-i18n for its text,
 * data-i18n-<attribute> for an attribute.
 */
export function translate(root) {
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const attribute of ["title", "placeholder", "aria-label"]) {
    for (const node of root.querySelectorAll(`[data-i18n-${attribute}]`)) node.setAttribute(attribute, t(node.getAttribute(`data-i18n-${attribute}`)));
  }
}

function lookUp(key) {
  // A class may be called like anything that every object has.
  return key.split(".").reduce((part, name) => (part && Object.hasOwn(part, name) ? part[name] : undefined), current.strings);
}

/** A part of a sentence that keeps its own direction. */
export const isolate = (value) => (direction() === "rtl" ? `${ISOLATE}${value}${POP}` : String(value));

/** A number with its sign within a sentence. */
export const leftToRight = (text) => (direction() === "rtl" ? `${LEFT_TO_RIGHT}${text}${POP}` : text);

function numberFormat(options) {
  // Making a format takes longer than using it a thousand times.
  const key = `${current.code} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(`${current.code}-u-nu-latn`, options));
  return formats.get(key);
}
