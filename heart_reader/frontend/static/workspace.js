// What is on the page now: one recording, perhaps a second beside it, perhaps a reason. Everything
// else draws what this decides.

import { explain, fetchModel, read } from "./api.js";
import { writeAddress } from "./address.js";
import { setClasses } from "./classes.js";
import { button, byId, el, isolated } from "./dom.js";
import { errorWords, renderError } from "./error_card.js";
import { remember, remembered, rememberFailure, renderHistory } from "./history.js";
import { t } from "./i18n.js";
import { renderOverview } from "./overview.js";
import { clearPrint, preparePrint } from "./print_page.js";
import { renderReading } from "./reading.js";
import { allSamples, findSample, markSample } from "./samples.js";
import { theme } from "./theme.js";
import { TRACING_KEYS } from "./tracing/keys.js";
import { TracingView } from "./tracing/view.js";
import { Waveform } from "./waveform.js";

const LONGEST_EXPLAINED_S = 10;
// As in style.css.
const ONE_COLUMN_PX = 940;
const state = { model: null, entry: null, second: null, reason: null, long: null, running: null, asking: null, printsReasons: false, queued: false };
const views = {};

/** Make the tracings; called once the page has its words. */
export function prepare() {
  views.first = new TracingView(byId("tracing"), (options) => noteView(options));
  views.second = new TracingView(byId("tracing-second"));
  setTheme(theme());
  window.addEventListener("beforeprint", () => state.entry && preparePrint(state.entry, (heightMm, part) => views.first.toPrint(heightMm, part), state.printsReasons, state.long));
  window.addEventListener("afterprint", clearPrint);
}

/** Read by the reader that `model` describes from now on. */
export function setModel(model) {
  state.model = model;
  setClasses(model);
  const choice = byId("reader");
  if (choice) choice.value = model.reader;
}

/**
 * Read by the reader of this name, or the default one for null, from now on; `again` reads what is
 * on the page once more. Answers whether it is another one than before.
 */
export async function chooseReader(name, again = true) {
  const wanted = name ?? state.model.readers[0];
  if (wanted === state.model.reader) return false;
  try {
    setModel(await fetchModel(wanted));
  } catch (error) {
    setModel(state.model);
    throw error;
  }
  const { entry } = state;
  if (again && entry !== null) open(entry.source, entry.reading.record_id, entry.labels, views.first.options, true);
  return true;
}

/** What is loaded when somebody asks for it. */
const comparing = () => import("./compare.js");
const exporting = () => import("./export_reading.js");

export function setTheme(name) {
  for (const view of Object.values(views)) view.setTheme(name);
}

const labelled = (listed) => listed.map(({ keys, label }) => ({ keys, label: t(label) }));

export const tracingKeys = () => labelled(TRACING_KEYS);

/** Keys of a recording of more than a minute; none where there is no such recording. */
export const longKeys = () => labelled(state.long?.keys ?? []);

/** Id of the sample on the page, or null. */
export const currentSample = () => (state.entry?.source.kind === "sample" ? state.entry.source.id : null);

/** Open a sample with `options` of its tracing; `step` adds to the browser's history. */
export function openSample(sample, options = {}, step = true) {
  return open({ kind: "sample", id: sample.id }, sample.title, sample.labels ?? [], options, step);
}

/**
 * Open records of a person, one after the other; the first that can be read is shown, the others
 * wait in the list.
 */
export function openFiles(sources) {
  return sources.length === 1 ? open(sources[0], sourceName(sources[0]), [], {}, true) : openMany(sources);
}

async function openMany(sources) {
  clear();
  await request(sourceName(sources[0]), async (signal) => {
    state.queued = true;
    const endQueue = () => (state.queued = false);
    signal.addEventListener("abort", endQueue);
    for (const [index, source] of sources.entries()) {
      const name = sourceName(source);
      sayReading(t("status.reading_many", { name, index: index + 1, total: sources.length }));
      try {
        const entry = await readEntry(source, [], signal);
        byId("status").textContent = "";
        if (state.entry === null) display(entry, {}, true);
        else renderHistory(state.entry, reopen);
      } catch (error) {
        if (error.name === "AbortError" || signal.aborted) throw error;
        rememberFailure(name, error);
        renderHistory(state.entry, reopen);
        if (state.entry === null) showError(error);
      }
    }
    endQueue();
    return () => {
      byId("status").textContent = t("status.ready_many", { count: sources.length });
    };
  });
}

const sourceName = ({ files }) => files.map(({ name }) => name).join(" + ");

async function open(source, name, labels, options, step) {
  clear();
  await request(name, async (signal) => {
    const entry = await readEntry(source, labels, signal);
    return () => display(entry, options, step);
  });
}

/** Show a recording of this tab again; another that is being read is no longer wanted. */
function reopen(entry) {
  // Files that are still waiting are read on.
  if (!state.queued) {
    state.running?.abort();
    state.running = null;
    byId("work").removeAttribute("aria-busy");
  }
  display(entry, {}, true);
}

async function readEntry(source, labels, signal) {
  const { waveform, ...reading } = await read(source, state.model, signal);
  if (reading.long) await longView();
  const { model } = state;
  const entry = { key: keyOf(source), source, labels, reading, model, waveform: new Waveform(waveform) };
  remember(entry);
  return entry;
}

/** The same for the same recording by the same reader. */
function keyOf(source) {
  const named = source.kind === "sample" ? `sample ${source.id}` : `files ${source.files.map(({ name, size, lastModified }) => `${name} ${size} ${lastModified}`).join()}`;
  return `${state.model?.reader} ${named}`;
}

/** Do `work` while the page says that it reads; a newer request replaces an older one. */
async function request(name, work) {
  state.running?.abort();
  const running = new AbortController();
  state.running = running;
  byId("work").setAttribute("aria-busy", "true");
  sayReading(t("status.reading", { name }));
  try {
    const show = await work(running.signal);
    if (running !== state.running) return;
    byId("status").textContent = "";
    show();
  } catch (error) {
    if (running !== state.running || error.name === "AbortError") return;
    if (state.entry === null) writeAddress(null, true);
    showError(error);
  }
  byId("work").removeAttribute("aria-busy");
}

const sayReading = (text) => byId("status").replaceChildren(...(text ? [el("span", { class: "spinner", "aria-hidden": "true" }), text] : []));

/**
 * A new request clears everything: an old reading must never stand beside a new recording or its
 * error.
 */
function clear() {
  Object.assign(state, { entry: null, second: null });
  endReason();
  state.long?.close();
  state.long = null;
  for (const id of ["error", "overview", "comparison", "reading"]) {
    byId(id).hidden = true;
    byId(id).replaceChildren();
  }
  byId("empty").hidden = true;
  nameSlots();
  for (const view of Object.values(views)) view.hide();
  renderHistory(null, reopen);
  markSample(null);
}

function display(entry, options, step) {
  clear();
  state.entry = entry;
  setModel(entry.model);
  markSample(currentSample());
  // The overview first: the tracing is fitted into what it leaves of the screen.
  showOverview();
  views.first.show(entry.waveform, entry.reading, options);
  showReading();
  showLong().catch(showError);
  noteView(views.first.options, step);
  revealReading();
  byId("status").textContent = t("status.ready", { name: entry.reading.record_id });
}

/** What shows a recording of more than a minute, loaded with the first of them. */
async function longView() {
  const { LongView, loadStyles } = await import("./long/view.js");
  await loadStyles();
  return LongView;
}

async function showLong() {
  const { entry } = state;
  if (!entry.reading.long) return;
  const LongView = await longView();
  if (entry === state.entry) state.long = new LongView(byId("long"), entry, views.first, { say: sayReading, fail: showError });
}

/** On a page of one column the reading lies below the list that it was chosen from. */
function revealReading() {
  if (window.innerWidth <= ONE_COLUMN_PX) byId("overview").scrollIntoView({ block: "start" });
}

/** Look at the recording on the page with these options of its tracing. */
export function look(options) {
  views.first.setOptions(options);
  noteView(views.first.options);
}

function noteView(options, step = false) {
  const sample = currentSample();
  const { reader, readers } = state.model;
  writeAddress(sample === null ? null : { sample, options, reader: reader === readers[0] ? null : reader }, step);
}

function showOverview() {
  renderOverview(byId("overview"), state.entry, actions(state.entry));
  byId("overview").hidden = false;
}

function showReading() {
  renderReading(byId("reading"), state.entry, askWhy);
  byId("reading").hidden = false;
  renderHistory(state.entry, reopen);
}

function actions(entry) {
  const small = (id, act, key) => button({ class: "button small", id }, act, t(key));
  return [
    compareSelect(entry),
    reasonsCheck(),
    small("print", () => window.print(), "actions.print"),
    small("save-csv", async () => (await exporting()).saveCsv(entry.reading), "actions.csv"),
    small("download", async () => (await exporting()).saveJson(entry.reading), "actions.json"),
  ];
}

/** Whether a second page is printed; the choice holds for the tab. */
function reasonsCheck() {
  const input = el("input", { type: "checkbox", id: "print-reasons", checked: state.printsReasons });
  input.addEventListener("change", () => {
    state.printsReasons = input.checked;
  });
  return el("label", { class: "check" }, input, t("actions.print_reasons"));
}

/** Choose a second recording among those of this tab and the samples. */
function compareSelect(entry) {
  const recents = remembered().filter((other) => other !== entry);
  const ids = new Set(recents.map(({ key }) => key)).add(entry.key);
  const samples = allSamples().filter(({ id }) => !ids.has(keyOf({ kind: "sample", id })));
  const group = (key, options) => (options.length ? el("optgroup", { label: t(key) }, options) : null);
  const select = el(
    "select",
    { id: "compare-with", class: "quiet", "aria-label": t("compare.label") },
    el("option", { value: "" }, t("compare.with")),
    group("recent.heading", recents.map((other, index) => el("option", { value: `recent ${index}` }, other.reading.record_id))),
    group("samples.heading", samples.map(({ id, title }) => el("option", { value: `sample ${id}` }, title))),
  );
  select.addEventListener("change", () => {
    const [kind, index] = select.value.split(/ (.*)/);
    if (kind === "recent") showSecond(recents[Number(index)]);
    if (kind === "sample") readSecond(findSample(index));
  });
  return select;
}

function readSecond(sample) {
  return request(sample.title, async (signal) => {
    const entry = await readEntry({ kind: "sample", id: sample.id }, sample.labels ?? [], signal);
    return () => showSecond(entry);
  });
}

async function showSecond(entry) {
  const first = state.entry;
  const { renderComparison } = await comparing();
  if (first !== state.entry) return;
  state.second = entry;
  renderHistory(state.entry, reopen);
  nameSlots();
  views.second.show(entry.waveform, entry.reading, views.first.options);
  byId("error").hidden = true;
  renderComparison(byId("comparison"), state.entry, entry, endComparison);
  byId("comparison-heading").focus();
  byId("status").textContent = t("compare.ready", { first: state.entry.reading.record_id, second: entry.reading.record_id });
}

/** Say why; what says it is loaded when somebody asks. */
async function drawReason() {
  const { renderReason } = await import("./reason.js");
  if (state.reason) renderReason(byId("reason"), state.reason.explanation, { goTo: (startS) => views.first.goTo(startS), close: leaveReason });
}

/** Say which tracing is which as long as there are two. */
function nameSlots() {
  const { entry, second } = state;
  byId("tracings").classList.toggle("two", second !== null);
  for (const [section, id, mark, shown] of [["tracing", "slot-first", "A", entry], ["tracing-second", "slot-second", "B", second]]) {
    byId(id).hidden = second === null;
    byId(id).replaceChildren(...(second === null ? [] : [el("span", { class: "side-mark" }, mark), " ", isolated(shown.reading.record_id)]));
    const heading = byId(section).querySelector("h2").id;
    byId(section).setAttribute("aria-labelledby", second === null ? heading : `${heading} ${id}`);
  }
}

function endComparison() {
  state.second = null;
  nameSlots();
  views.second.hide();
  byId("comparison").hidden = true;
  byId("comparison").replaceChildren();
  renderOverview(byId("overview"), state.entry, actions(state.entry));
  byId("compare-with").focus();
}

/** Ask which leads and moments drove a finding; `asked` is the button that was pressed. */
async function askWhy(level, finding, asked) {
  state.asking?.abort();
  const asking = new AbortController();
  state.asking = asking;
  asked.setAttribute("aria-busy", "true");
  byId("status").textContent = t("status.explaining");
  try {
    const { source, reading, model } = state.entry;
    const long = reading.duration_s > LONGEST_EXPLAINED_S;
    const stretch = long ? { start_s: Math.min(views.first.options.startS, reading.duration_s - LONGEST_EXPLAINED_S) } : {};
    const explanation = await explain(source, { reader: model.reader, level, finding, ...stretch }, asking.signal);
    if (asking === state.asking) await showReason(explanation, asked.closest("tr").id);
  } catch (error) {
    if (asking === state.asking && error.name !== "AbortError") showReasonError(error, asked);
  }
  asked.removeAttribute("aria-busy");
}

async function showReason(explanation, rowId) {
  state.reason = { explanation, rowId };
  views.first.setReason(explanation);
  await drawReason();
  if (state.reason?.explanation !== explanation) return;
  byId("status").textContent = t("status.explained");
  byId("reason-heading").focus({ preventScroll: true });
  byId("tracings").scrollIntoView({ block: "nearest" });
}

function showReasonError(error, asked) {
  asked.closest("td").querySelector(".why-error")?.remove();
  asked.after(el("p", { class: "why-error", role: "alert" }, errorWords(error)));
  byId("status").textContent = "";
}

function endReason() {
  state.asking?.abort();
  Object.assign(state, { reason: null, asking: null });
  views.first.setReason(null);
  byId("reason").hidden = true;
  byId("reason").replaceChildren();
}

function leaveReason() {
  const row = byId(state.reason.rowId);
  endReason();
  row?.querySelector(".why").focus();
}

/** Leave the innermost of what was opened: the reason, then the comparison. */
export function leave() {
  if (state.reason) leaveReason();
  else if (state.second) endComparison();
}

export function showError(error) {
  renderError(byId("error"), error);
  byId("status").textContent = "";
}

/** Say everything again in another language. */
export function relabel() {
  if (state.entry !== null) showOverview();
  for (const view of Object.values(views)) view.relabel();
  if (state.entry === null) return;
  showReading();
  state.long?.relabel();
  if (state.second) comparing().then(({ renderComparison }) => state.second && renderComparison(byId("comparison"), state.entry, state.second, endComparison));
  if (state.reason) drawReason().catch(showError);
}
