// Names and explanations of classes in the language of the page. What a class is called comes with
// its reader; no class is known here.

import { el, isolated } from "./dom.js";
import { has, t } from "./i18n.js";

/** @type {{ level: string | null, english: Record<string, string>, meanings: Record<string, any> }} */
const known = { level: null, english: {}, meanings: {} };

/** Take the names of classes from the description of a reader. */
export function setClasses({ level, statement_names, class_meanings }) {
  Object.assign(known, { level, english: statement_names, meanings: class_meanings });
}

const own = (tree, name) => (Object.hasOwn(tree, name) ? tree[name] : undefined);

/** Title of a class and its entry among the words; `level` null is the reader's level of interest. */
const meaningOf = (code, level) => own(own(known.meanings, level ?? known.level) ?? {}, code) ?? { title: own(known.english, code) ?? code, words: code };

function wordsFor(code, level, part) {
  const { words } = meaningOf(code, level);
  const key = `classes.${words}.${part}`;
  return words !== null && has(key) ? t(key) : null;
}

/** Name of a class, or its code where it has none. */
export const className = (code, level = null) => wordsFor(code, level, "name") ?? meaningOf(code, level).title;

/** Name and code of a class side by side, each in its own direction; once where they are the same. */
export function nameAndCode(code, level = null) {
  const name = className(code, level);
  return [isolated(name), name === code ? null : [" ", el("bdi", { dir: "ltr", class: "code" }, code)]].flat();
}

/** A sentence about a class for `reader`, "lay" or "clinical"; null where there is none. */
export const explanation = (code, level, reader) => wordsFor(code, level, reader);

/** Name of a level of classes. */
export const levelName = (level) => (has(`levels.${level}`) ? t(`levels.${level}`) : level);
