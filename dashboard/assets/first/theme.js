/* Chooses the theme before anything is painted.  A choice made with the button wins; a board and a kiosk are
   dark; every other page follows the system.  The first page of a visit decides, so that walking never flashes. */
(function () {
  "use strict";
  const root = document.documentElement;
  const asked = new URLSearchParams(window.location.search);
  let chosen = null;
  try {
    chosen = localStorage.getItem("caretrail-theme") || sessionStorage.getItem("caretrail-first-theme");
  } catch (refused) { /* private windows may refuse */ }
  const named = asked.get("theme");
  if (named === "dark" || named === "light") chosen = named;
  const wall = window.location.pathname === "/" || asked.get("kiosk") === "1";
  const theme = chosen || (wall || !window.matchMedia("(prefers-color-scheme: light)").matches ? "dark" : "light");
  try { sessionStorage.setItem("caretrail-first-theme", theme); } catch (refused) { /* as above */ }
  root.dataset.theme = theme;
  if (asked.get("kiosk") === "1") root.dataset.kiosk = "1";
})();
