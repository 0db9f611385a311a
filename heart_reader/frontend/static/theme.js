// Paper or dark.

import { store, stored } from "./storage.js";

const THEMES = ["system", "light", "dark"];
const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");
let chosen = "system";

/** "light" or "dark": what the page shows now. */
export const theme = () => (chosen === "system" ? (darkSystem.matches ? "dark" : "light") : chosen);

/**
 * Let `select` choose the theme, and call `onChange` with "light" or "dark" at once and after each
 * change.
 */
export function chooseTheme(select, onChange) {
  const apply = () => {
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    onChange(theme());
  };
  chosen = THEMES.find((name) => name === stored("theme")) ?? "system";
  select.value = chosen;
  select.addEventListener("change", () => {
    chosen = select.value;
    store("theme", chosen);
    apply();
  });
  darkSystem.addEventListener("change", apply);
  apply();
}
