// Words of a long recording.

import { has, t } from "../i18n.js";
import { capital, say } from "../messages.js";

/** Name of a kind of episode; one that the page has no word for is called as the server calls it. */
export function kindName(kind, { long, messages }) {
  for (const key of [`long.kinds.${kind}`, `rhythm.names.${kind}`, `rhythm.findings.${kind}`]) if (has(key)) return capital(t(key));
  return capital(say(long.episodes.find((one) => one.kind === kind)?.title ?? kind, messages));
}

/** Name of a rhythm of the trend, or "" where there is none. */
export function rhythmName(name) {
  if (name === null || name === undefined) return "";
  const key = `rhythm.names.${name.replace(/_rhythm$/, "")}`;
  return has(key) ? t(key) : name.replaceAll("_", " ");
}

/** Kinds of the episodes, the most frequent last: what is rare would be overlooked. */
export function kindsOf({ episodes }) {
  const counts = new Map();
  for (const { kind } of episodes) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => rank(a) - rank(b) || counts.get(a) - counts.get(b));
}

// The order in which a clinician looks for them.
const ORDER = ["no_beats", "atrial_fibrillation", "atrial_flutter", "ventricular_tachycardia", "ventricular_run", "pause", "idioventricular_rhythm", "supraventricular_tachycardia", "supraventricular_run", "tachycardia", "bradycardia"];
const rank = (kind) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);
