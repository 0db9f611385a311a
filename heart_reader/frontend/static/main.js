// The page: a recording comes in, its tracing and its reading come out. Readings live in this tab only.

import { ApiError, fetchModel, fetchSamples, readFiles, readSample } from "./api.js";
import { byId, el } from "./dom.js";
import { renderReading } from "./reading.js";
import { Tracing } from "./tracing.js";
import { Waveform } from "./waveform.js";

const tracing = new Tracing();
const state = { model: null, files: [], running: null };

function settings() {
  return { fs: byId("setting-fs").value, unit: byId("setting-unit").value, leads: byId("setting-leads").value.trim() };
}

/** Show what `read` brings; a newer request replaces an older one. */
async function show(name, read) {
  state.running?.abort();
  const running = new AbortController();
  state.running = running;
  clear();
  byId("work").setAttribute("aria-busy", "true");
  byId("status").replaceChildren(el("span", { class: "spinner", "aria-hidden": "true" }), `Reading ${name} …`);
  try {
    const answer = await read(running.signal);
    if (running !== state.running) return;
    display(answer);
  } catch (error) {
    if (running !== state.running || error.name === "AbortError") return;
    displayError(error);
  }
  byId("work").removeAttribute("aria-busy");
}

/** A new request clears everything: an old reading must never stand beside a new recording or its error. */
function clear() {
  byId("error").hidden = true;
  byId("error").replaceChildren();
  byId("empty").hidden = true;
  byId("reading").hidden = true;
  byId("reading").replaceChildren();
  tracing.hide();
}

function display({ waveform, ...reading }) {
  const format = reading.source_format.toUpperCase();
  byId("tracing-facts").textContent = `${reading.record_id} · ${format} · ${reading.fs} Hz · ${reading.duration_s.toFixed(1)} s`;
  tracing.show(new Waveform(waveform), reading.record_id);
  renderReading(byId("reading"), reading, state.model, () => download(reading));
  byId("reading").hidden = false;
  byId("status").textContent = `Reading of ${reading.record_id} is ready.`;
}

function displayError(error) {
  const known = error instanceof ApiError;
  const message = known ? error.message : `The page failed: ${error.message}. Reload it and try again.`;
  const asksForSettings = known && (["unit_error", "lead_error"].includes(error.code) || message.includes("--"));
  if (asksForSettings) byId("file-settings").open = true;
  byId("error").replaceChildren(
    el("h2", {}, "No reading"),
    el("p", {}, message),
    asksForSettings ? el("p", {}, "On this page, say it under “File settings” and read the file again.") : "",
    known && error.requestId ? el("p", { class: "hint" }, `Request ${error.requestId}`) : "",
  );
  byId("error").hidden = false;
  byId("status").textContent = "";
}

function download(reading) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(reading, null, 2)], { type: "application/json" }));
  el("a", { href: address, download: `${reading.record_id}.reading.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function choose(files) {
  if (!files.length) return;
  state.files = files;
  byId("read-again").disabled = false;
  markSample(null);
  readChosen();
}

function readChosen() {
  const name = state.files.map((file) => file.name).join(" with ");
  show(name, (signal) => readFiles(state.files, settings(), state.model, signal));
}

function markSample(chosen) {
  for (const button of byId("samples").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === chosen));
}

function listSamples({ heading, samples }) {
  byId("samples-heading").textContent = heading;
  if (!samples.length) {
    byId("samples").replaceChildren(el("li", { class: "hint" }, "This server offers no samples."));
    return;
  }
  const items = samples.map((sample) => {
    const button = el(
      "button",
      { type: "button", "aria-pressed": "false", "data-sample": sample.id },
      el("span", {}, sample.description || sample.title, sample.description ? el("small", {}, sample.title) : null),
      el("span", { class: "format" }, sample.source_format.toUpperCase()),
    );
    button.addEventListener("click", () => {
      markSample(button);
      show(sample.title, (signal) => readSample(sample.id, signal));
    });
    return el("li", {}, button);
  });
  byId("samples").replaceChildren(...items);
}

function acceptDrops() {
  const zone = byId("drop-zone");
  // The whole page takes the file: one dropped beside the zone would otherwise replace the page.
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("dragging");
  });
  window.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) zone.classList.remove("dragging");
  });
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("dragging");
    choose([...event.dataTransfer.files]);
  });
}

function acceptChoices() {
  const input = byId("file-input");
  input.addEventListener("change", () => {
    choose([...input.files]);
    input.value = ""; // the same file may be chosen again
  });
  byId("read-again").addEventListener("click", readChosen);
}

async function start() {
  acceptDrops();
  acceptChoices();
  try {
    const [model, samples] = await Promise.all([fetchModel(), fetchSamples()]);
    state.model = model;
    listSamples(samples);
  } catch (error) {
    displayError(error);
  }
}

start();
