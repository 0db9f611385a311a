// The recordings of the server: a list to search in, or one at random.

import { button, byId, el, isolated } from "./dom.js";
import { t } from "./i18n.js";

let samples = [];
let choose = null;
let chosen = null;

/** Offer `listed` samples; `open` is called with the one that is chosen. */
export function offerSamples(listed, open) {
  samples = listed;
  choose = open;
  byId("random-sample").disabled = samples.length === 0;
  byId("sample-search").addEventListener("input", render);
  byId("random-sample").addEventListener("click", openRandom);
  render();
}

/** The sample with this id, or undefined. */
export const findSample = (id) => samples.find((sample) => sample.id === id);

export const allSamples = () => samples;

/** Mark the sample that is on the page; null for none. */
export function markSample(id) {
  chosen = id;
  for (const item of byId("samples").querySelectorAll("button")) item.setAttribute("aria-pressed", String(item.dataset.sample === id));
}

/** Open a sample that is not the one on the page. */
export function openRandom() {
  const others = samples.filter(({ id }) => id !== chosen);
  const pool = others.length ? others : samples;
  if (pool.length) choose(pool[Math.floor(Math.random() * pool.length)]);
}

/**
 * List the samples that have every word of the search in their name, description, format or labels.
 */
export function render() {
  const words = byId("sample-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = samples.filter((sample) => words.every((word) => searchText(sample).includes(word)));
  const empty = samples.length ? t("samples.none_found") : t("samples.none");
  byId("samples").replaceChildren(...(found.length ? found.map(renderSample) : [el("li", { class: "hint" }, empty)]));
  byId("sample-count").textContent = words.length ? t("samples.count", { count: found.length }) : "";
}

const searchText = ({ title, description, source_format, labels = [] }) => [title, description, source_format, ...labels].join(" ").toLowerCase();

function renderSample(sample) {
  const item = button(
    { class: "item", "aria-pressed": String(sample.id === chosen), "data-sample": sample.id },
    () => choose(sample),
    el("span", { lang: "en" }, isolated(sample.description || sample.title), sample.description ? el("small", {}, isolated(sample.title)) : null),
    el("span", { class: "format", dir: "ltr" }, sample.source_format.toUpperCase()),
  );
  return el("li", {}, item);
}
