// What was opened in this tab. It lives in memory: closing the tab forgets it.

import { button, byId, el, isolated } from "./dom.js";
import { renderKind } from "./conclusion.js";
import { errorWords } from "./error_card.js";
import { say } from "./messages.js";

const MOST = 20;
const MOST_BYTES = 200 * 2 ** 20;
const entries = [];
let failures = [];

/**
 * Keep an opened recording at the top; the same source is kept once, and the oldest go when there
 * are too many.
 */
export function remember(entry) {
  const same = entries.findIndex(({ key }) => key === entry.key);
  if (same >= 0) entries.splice(same, 1);
  entries.unshift(entry);
  entries.splice(MOST);
  // Recordings of hours are large: the oldest go until the rest fits, but never the one just
  // opened.
  while (entries.length > 1 && entries.reduce((sum, { waveform }) => sum + waveform.values.byteLength, 0) > MOST_BYTES) entries.pop();
}

export const remembered = () => entries;

/** Keep what could not be read in the list, with the reason. */
export function rememberFailure(name, error) {
  failures = [{ name, error }, ...failures.filter((failure) => failure.name !== name)].slice(0, MOST);
}

/** List what was opened; `current` is marked, and `open` is called with the one that is chosen. */
export function renderHistory(current, open) {
  byId("recent-part").hidden = entries.length + failures.length === 0;
  byId("recent").replaceChildren(...entries.map((entry) => el("li", {}, renderEntry(entry, current, open))), ...failures.map(renderFailure));
}

function renderFailure({ name, error }) {
  const detail = error.message ? say(error.message, error.messages) : errorWords(error);
  return el("li", { class: "failed", "data-failed": name }, isolated(name), el("small", {}, "✗ ", detail));
}

function renderEntry(entry, current, open) {
  return button(
    { class: "item", "aria-pressed": String(entry === current), "data-recent": entry.reading.record_id },
    () => open(entry),
    el("span", {}, isolated(entry.reading.record_id), el("small", {}, renderKind(entry.reading), entry.model?.readers.length > 1 ? [" · ", isolated(entry.model.reader)] : null)),
    el("span", { class: "format", dir: "ltr" }, entry.reading.source_format.toUpperCase()),
  );
}
