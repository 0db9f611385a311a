// The page: a recording comes in, its tracing and its reading come out. Readings live in this tab
// only.

import { fetchModel, fetchSamples, onKeyNeeded } from "./api.js";
import { askForKey } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { chooseLanguage, language, onLanguageChange, startLanguage, t } from "./i18n.js";
import { acceptFiles, chooseFiles, nameFormats } from "./files.js";
import { findSample, offerSamples, openRandom, render as renderSamples } from "./samples.js";
import { listenForKeys, showKeys } from "./shortcuts.js";
import { chooseTheme } from "./theme.js";
import { readAddress } from "./address.js";
import * as workspace from "./workspace.js";

const focusSearch = () => byId("sample-search").focus();

const SHORTCUTS = [
  { key: "?", label: () => t("keys.help"), act: help },
  { key: "o", label: () => t("source.choose"), act: chooseFiles },
  { key: "/", label: () => t("samples.search_label"), act: focusSearch },
  { key: "r", label: () => t("keys.random"), act: openRandom },
  { key: "p", label: () => t("actions.print"), act: () => window.print() },
  { key: "Escape", label: () => t("keys.leave"), act: workspace.leave },
];

function help() {
  const own = SHORTCUTS.map(({ key, label }) => ({ keys: [key === "Escape" ? "Esc" : key], label: label() }));
  showKeys([
    [t("keys.page"), own],
    [t("keys.tracing"), workspace.tracingKeys()],
    [t("long.heading"), workspace.longKeys()],
  ].filter(([, rows]) => rows.length));
}

function offerLanguages(names) {
  const select = byId("language");
  select.replaceChildren(...[...names].map(([code, name]) => el("option", { value: code, lang: code }, name)));
  select.value = language();
  select.addEventListener("change", async () => {
    try {
      await chooseLanguage(select.value);
    } catch (error) {
      select.value = language();
      workspace.showError(error);
    }
  });
}

/** Open what the address names; an address that names nothing leaves the page as it is. */
async function followAddress() {
  const wanted = readAddress();
  if (wanted === null) return;
  const other = await workspace.chooseReader(wanted.reader, false);
  if (!other && wanted.sample === workspace.currentSample()) workspace.look(wanted.options);
  else workspace.openSample(findSample(wanted.sample) ?? { id: wanted.sample, title: wanted.sample }, wanted.options, false);
}

async function start() {
  chooseTheme(byId("theme"), workspace.setTheme);
  offerLanguages(await startLanguage());
  onKeyNeeded(askForKey);
  workspace.prepare();
  acceptFiles(workspace.openFiles);
  listenForKeys(SHORTCUTS);
  byId("show-keys").addEventListener("click", help);
  onLanguageChange(() => {
    nameFormats();
    renderSamples();
    workspace.relabel();
  });
  const [model, { samples }] = await Promise.all([fetchModel(), fetchSamples()]);
  workspace.setModel(model);
  nameFormats(model.formats);
  if (model.readers.length > 1) {
    const { offerReaders } = await import("./reader_choice.js");
    await offerReaders(model, (name) => workspace.chooseReader(name).catch(workspace.showError));
  }
  offerSamples(samples, (sample) => workspace.openSample(sample));
  const follow = () => followAddress().catch(workspace.showError);
  window.addEventListener("popstate", follow);
  window.addEventListener("hashchange", follow);
  follow();
}

start().catch(workspace.showError);
