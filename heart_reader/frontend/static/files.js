// Files of a person: dropped anywhere on the page, or chosen.

import { byId } from "./dom.js";

let files = [];

/** Call `open` with a source `{kind, files, settings}` whenever files are dropped or chosen. */
export function acceptFiles(open) {
  const input = byId("file-input");
  const readChosen = () => open({ kind: "files", files, settings: settings() });
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
