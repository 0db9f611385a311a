// The OpenAPI description as a page, without anything from elsewhere.

import { fetchDescription, onKeyNeeded } from "./api.js";
import { askForKey } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { setLanguage } from "./i18n.js";

const place = byId("endpoints");
place.className = "docs-list";

function renderField(name, schema, required, note) {
  const kinds = (schema.anyOf ?? [schema]).map((kind) => kind.format ?? kind.type).filter((kind) => kind && kind !== "null");
  const text = note ?? schema.description ?? "";
  return el("tr", {}, el("th", { scope: "row" }, el("code", {}, name), required ? " (needed)" : ""), el("td", {}, kinds.join(" or ")), el("td", {}, text));
}

function renderOperation(path, method, operation) {
  const form = operation.requestBody?.content?.["multipart/form-data"]?.schema;
  const parameters = operation.parameters ?? [];
  // A field that may stand in the form or in the address is listed once.
  const inForm = Object.entries(form?.properties ?? {}).filter(([name]) => !parameters.some((field) => field.name === name));
  const rows = [
    ...inForm.map(([name, schema]) => renderField(name, schema, form.required?.includes(name))),
    ...parameters.map((field) => renderField(field.name, field.schema, field.required, field.description)),
  ];
  return el(
    "section",
    { class: "card endpoint" },
    el("h2", {}, el("span", { class: "method" }, method.toUpperCase()), el("code", {}, path)),
    el("p", {}, operation.description ?? operation.summary ?? ""),
    rows.length ? el("table", {}, el("tbody", {}, rows)) : null,
  );
}

try {
  // This page is in English, and so is the question for the key.
  await setLanguage("en");
  onKeyNeeded(askForKey);
  const { paths } = await fetchDescription();
  const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map((entry) => [path, ...entry]));
  place.replaceChildren(...operations.map((operation) => renderOperation(...operation)));
} catch (error) {
  place.replaceChildren(el("p", { class: "error", role: "alert" }, `The description could not be loaded: ${error.message}. Reload the page.`));
}
