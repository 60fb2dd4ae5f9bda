// Copies what browsers load from packages into static, where it is committed, so that the server builds with Go alone.
import { copyFileSync } from "node:fs";

const files = {
  "htmx.org/dist/htmx.min.js": "htmx.min.js",
  "@fontsource/bricolage-grotesque/files/bricolage-grotesque-latin-700-normal.woff2": "bricolage-grotesque-latin-700.woff2",
};
for (const [from, to] of Object.entries(files)) {
  copyFileSync(`node_modules/${from}`, `static/${to}`);
}
