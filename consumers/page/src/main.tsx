import { render } from "preact";
import { App } from "./shell/App";
import { followTheme } from "./shell/theme";
import "./theme.css";
import { listen } from "./url";

followTheme();
listen();
// A view whose file is gone: the page was built anew meanwhile. The address holds the whole state, so nothing is lost.
// Once a minute: a view that cannot be loaded for another reason says so, rather than be loaded for ever.
const RELOADED = "runfold.reloaded";
addEventListener("vite:preloadError", (event) => {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED)) < 60_000) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  event.preventDefault();
  location.reload();
});
const root = document.getElementById("page");
if (root !== null) render(<App />, root);
