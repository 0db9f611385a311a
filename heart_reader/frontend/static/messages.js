// Sentences of the server in the language of the page. The server sends English, with the code and
// the values of each.

import { el } from "./dom.js";
import { className } from "./classes.js";
import { formatList, formatPlain, has, language, t } from "./i18n.js";

const ENGLISH = "en";
// The name of a statement, which the page has words for beside what it means.
const CLASS_NAME = "class_name";
const CLASS_CODE = "class_code";
const SENTENCES = "sentences";

/** Text with a large first letter. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * Whether the page can say a sentence of the server in its own language; `messages` is what came
 * with the sentence.
 */
export function isKnown(sentence, messages) {
  return language() === ENGLISH || hasWords(sentence, messages);
}

/** Whether the page has words of its own for it. */
const hasWords = (sentence, messages) => Object.hasOwn(messages ?? {}, sentence) && (messages[sentence].code === CLASS_CODE || has(pathOf(messages[sentence])));

const pathOf = ({ code, values }) => (code === CLASS_NAME ? `classes.${values.statement}.name` : `messages.${code}`);

/**
 * A sentence in the language of the page, or in the server's English where the page has no words
 * for it.
 */
export function say(sentence, messages) {
  if (!hasWords(sentence, messages)) return language() === ENGLISH ? withNames(sentence, messages) : sentence;
  const { code, values } = messages[sentence];
  if (code === CLASS_CODE) return className(values.statement);
  // Sentences in a row are no part of another one: isolated from the page they would lose its
  // direction.
  if (code === SENTENCES) return sayValue(values.sentences, messages);
  return t(pathOf(messages[sentence]), Object.fromEntries(Object.entries(values).map(([name, value]) => [name, sayValue(value, messages)])));
}

/** The server's English with names for the codes of classes within it. */
function withNames(sentence, messages) {
  const parts = Object.values(messages?.[sentence]?.values ?? {}).flat();
  return parts.filter((part) => part !== sentence && Object.hasOwn(messages, part)).reduce((text, part) => text.replace(part, () => say(part, messages)), sentence);
}

function sayValue(value, messages) {
  if (typeof value === "number") return formatPlain(value);
  if (!Array.isArray(value)) return say(value, messages);
  // Names are joined by commas, sentences stand in a row, parts of one have the "and" of the
  // language.
  if (!value.some((item) => Object.hasOwn(messages, item))) return value.join(", ");
  const items = value.map((item) => say(item, messages));
  return items.every((item) => item.endsWith(".")) ? items.map(capital).join(" ") : formatList(items);
}

/** An element with a sentence, marked as English where it stayed that. */
export function said(tag, attributes, sentence, messages, change = (text) => text) {
  const foreign = language() === ENGLISH || isKnown(sentence, messages) ? {} : { lang: ENGLISH, dir: "ltr" };
  return el(tag, { ...attributes, ...foreign }, change(say(sentence, messages)));
}
