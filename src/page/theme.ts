/** Light or dark: the system's preference until the user chooses. */
const key = "catgan theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export function mountTheme(button: HTMLButtonElement, onChange: () => void): { toggle(): void } {
  const root = document.documentElement;
  const chosen = localStorage.getItem(key);
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  const toggle = () => {
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    localStorage.setItem(key, next);
    onChange();
  };
  button.addEventListener("click", toggle);
  dark.addEventListener("change", onChange);
  return { toggle };
}
