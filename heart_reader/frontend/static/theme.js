// Paper or dark. The choice of a person is remembered, nothing else is stored.

const STORAGE_KEY = "heart_reader.theme";
const THEMES = ["system", "light", "dark"];
const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");
let chosen = "system";

/** "light" or "dark": what the page shows now. */
export const theme = () => (chosen === "system" ? (darkSystem.matches ? "dark" : "light") : chosen);

/** Let `select` choose the theme, and call `onChange` with "light" or "dark" at once and after each change. */
export function chooseTheme(select, onChange) {
  const apply = () => {
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    onChange(theme());
  };
  chosen = remembered();
  select.value = chosen;
  select.addEventListener("change", () => {
    chosen = select.value;
    remember(chosen);
    apply();
  });
  darkSystem.addEventListener("change", apply);
  apply();
}

function remembered() {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return THEMES.includes(value) ? value : "system";
  } catch {
    return "system";
  }
}

function remember(value) {
  try {
    localStorage.setItem(STORAGE_KEY, value);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the tab.
  }
}
