import { render } from "preact";
import { App } from "./shell/App";
import { followTheme } from "./shell/theme";
import "./theme.css";
import { listen } from "./url";

followTheme();
listen();
// A view whose file is gone: the page was built anew meanwhile. The address holds the whole state, so nothing is lost.
addEventListener("vite:preloadError", (event) => {
  event.preventDefault();
  location.reload();
});
const root = document.getElementById("page");
if (root !== null) render(<App />, root);
