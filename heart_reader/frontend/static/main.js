// The page: a recording comes in, its tracing and its reading come out. Readings live in this tab only.

import { fetchModel, fetchSamples, onKeyNeeded } from "./api.js";
import { askForKey } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { LANGUAGES, language, onLanguageChange, preferredLanguage, rememberLanguage, setLanguage, t } from "./i18n.js";
import { acceptFiles, chooseFiles, offerFormats } from "./files.js";
import { findSample, offerSamples, openRandom, render as renderSamples } from "./samples.js";
import { listenForKeys, showKeys } from "./shortcuts.js";
import { chooseTheme } from "./theme.js";
import { readAddress } from "./address.js";
import * as workspace from "./workspace.js";

const focusSearch = () => byId("sample-search").focus();

const SHORTCUTS = [
  { key: "?", label: () => t("keys.help"), act: help },
  { key: "o", label: () => t("keys.open"), act: chooseFiles },
  { key: "/", label: () => t("keys.search"), act: focusSearch },
  { key: "r", label: () => t("keys.random"), act: openRandom },
  { key: "p", label: () => t("keys.print"), act: () => window.print() },
  { key: "Escape", label: () => t("keys.leave"), act: workspace.leave },
];

function help() {
  const own = SHORTCUTS.map(({ key, label }) => ({ keys: [key === "Escape" ? "Esc" : key], label: label() }));
  showKeys([
    [t("keys.page"), own],
    [t("keys.tracing"), workspace.tracingKeys()],
  ]);
}

function offerLanguages() {
  const select = byId("language");
  select.replaceChildren(...Object.entries(LANGUAGES).map(([code, { name }]) => el("option", { value: code, lang: code }, name)));
  select.value = language();
  select.addEventListener("change", async () => {
    try {
      await setLanguage(select.value);
      rememberLanguage(select.value);
    } catch (error) {
      select.value = language();
      workspace.showError(error);
    }
  });
}

/** Open what the address names; an address that names nothing leaves the page as it is. */
function followAddress() {
  const wanted = readAddress();
  if (wanted === null) return;
  if (wanted.sample === workspace.currentSample()) workspace.look(wanted.options);
  else workspace.openSample(findSample(wanted.sample) ?? { id: wanted.sample, title: wanted.sample }, wanted.options, false);
}

async function start() {
  chooseTheme(byId("theme"), workspace.setTheme);
  await setLanguage(preferredLanguage());
  offerLanguages();
  onKeyNeeded(askForKey);
  workspace.prepare();
  acceptFiles(workspace.openFiles);
  listenForKeys(SHORTCUTS);
  byId("show-keys").addEventListener("click", help);
  onLanguageChange(() => {
    renderSamples();
    workspace.relabel();
  });
  const [model, { samples }] = await Promise.all([fetchModel(), fetchSamples()]);
  workspace.setModel(model);
  offerFormats(model.formats);
  offerSamples(samples, (sample) => workspace.openSample(sample));
  window.addEventListener("popstate", followAddress);
  window.addEventListener("hashchange", followAddress);
  followAddress();
}

start().catch(workspace.showError);
