// Loaded before the first paint: the chosen theme is on the page before anything is drawn.
{
  const root = document.documentElement;
  root.dataset.script = "on";
  try {
    const theme = localStorage.getItem("stoa-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // storage may be forbidden; the system's theme stays
  }
}
