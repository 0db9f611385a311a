// Which reader reads, where the server has several: loaded only then.

import { fetchReaders } from "./api.js";
import { byId, el } from "./dom.js";
import { t } from "./i18n.js";

/** Offer the readers of the server; `model` describes the one that reads now. */
export async function offerReaders(model, choose) {
  const readers = await fetchReaders();
  const select = el("select", { id: "reader" }, readers.map(({ name, title }) => el("option", { value: name, dir: "auto" }, title ? `${name} · ${title}` : name)));
  select.value = model.reader;
  select.addEventListener("change", () => choose(select.value));
  byId("drop-zone").before(el("div", { class: "reader-choice" }, el("label", { for: "reader", "data-i18n": "readers.label" }, t("readers.label")), select));
}
