// Files of a person: dropped anywhere on the page, or chosen.

import { byId } from "./dom.js";
import { t } from "./i18n.js";

let files = [];
let formats = [];

/** Say which formats the server reads, in the hint and to the browser's dialog. */
export function nameFormats(known = formats) {
  formats = known;
  const named = formats.map(({ title }) => title).join(", ");
  byId("file-input").accept = formats.flatMap(({ suffixes, companions }) => [...suffixes, ...companions]).join(",");
  byId("file-hint").textContent = formats.length ? t("source.formats", { formats: named }) : "";
}

/**
 * Call `open` with a list of sources `{kind, files, settings}`, one per record, whenever files are
 * dropped or chosen.
 */
export function acceptFiles(open) {
  const input = byId("file-input");
  const readChosen = () => open(recordsOf(files).map((parts) => ({ kind: "files", files: parts, settings: settings() })));
  const take = (given) => {
    if (!given.length) return;
    files = given;
    byId("read-again").disabled = false;
    readChosen();
  };
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // the same file may be chosen again
  });
  byId("read-again").addEventListener("click", readChosen);
  acceptDrops(take);
}

/**
 * Files by record: a WFDB header belongs with the signal files of its name, any other file is a
 * record of its own.
 */
export function recordsOf(given) {
  const stemOf = ({ name }) => name.replace(/\.[^.]*$/, "");
  const isHeader = ({ name }) => /\.hea$/i.test(name);
  const headers = given.filter(isHeader);
  // A header may name signal files as it likes; with one header there is nothing to mistake.
  if (headers.length === 1 && given.length === 2) return [given];
  const stems = new Set(headers.map(stemOf));
  const partOf = (file) => /\.(hea|dat|mat)$/i.test(file.name) && stems.has(stemOf(file));
  const records = new Map();
  given.forEach((file, index) => {
    const key = partOf(file) ? `record ${stemOf(file)}` : `file ${index}`;
    records.set(key, [...(records.get(key) ?? []), file]);
  });
  return [...records.values()];
}

/** Open the browser's own dialog. */
export const chooseFiles = () => byId("file-input").click();

function acceptDrops(take) {
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
    take([...event.dataTransfer.files]);
  });
}

function settings() {
  return { fs: byId("setting-fs").value, unit: byId("setting-unit").value, leads: byId("setting-leads").value.trim() };
}
