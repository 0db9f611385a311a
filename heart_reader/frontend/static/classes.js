// Names and explanations of classes in the language of the page.

import { has, t } from "./i18n.js";

// The same finding under the code of another data set.
const SYNONYMS = { AF: "AFIB", IAVB: "1AVB", LBBB: "CLBBB", RBBB: "CRBBB", LAE: "LAO/LAE", NST: "NST_" };
// A code of which a coarser level means more than the statement does.
const COARSER = { subdiagnostic: ["STTC", "IMI", "AMI", "ISC_"], frequent: ["IMI", "AMI"] };

// English names by code, from the server; the other languages have names of their own.
let english = {};

export function setClassNames(names) {
  english = names;
}

function keyOf(code, level) {
  if (COARSER[level]?.includes(code) && has(`groups.${code}`)) return `groups.${code}`;
  if (has(`classes.${code}`)) return `classes.${code}`;
  return code in SYNONYMS ? `classes.${SYNONYMS[code]}` : null;
}

/** Name of a class, or its code where it has none. */
export function className(code, level = null) {
  const key = keyOf(code, level);
  return key !== null && has(`${key}.name`) ? t(`${key}.name`) : (english[SYNONYMS[code] ?? code] ?? code);
}

/** A sentence about a class for `reader`, "lay" or "clinical"; null where there is none. */
export function explanation(code, level, reader) {
  const key = keyOf(code, level);
  return key !== null && has(`${key}.${reader}`) ? t(`${key}.${reader}`) : null;
}

/** Name of a level of classes. */
export const levelName = (level) => (has(`levels.${level}`) ? t(`levels.${level}`) : level);
