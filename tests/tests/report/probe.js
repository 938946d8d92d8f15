// Runs in a copy of the report and posts what it finds to the page that holds the copy.
const problems = [];
const say = (text) => problems.push(text);
window.addEventListener("error", (e) => say("error: " + e.message));

function channel(v) {
  v /= 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}
function colour(text) {
  const parts = text.match(/[\d.]+/g).map(Number);
  return parts.length < 4 ? [...parts, 1] : parts;
}
function over(top, below) {
  return [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
}
function luminance(c) {
  return 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
}
function background(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    layers.push(colour(getComputedStyle(e).backgroundColor));
  }
  const root = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0, 1] : [255, 255, 255, 1];
  return layers.reverse().reduce((below, top) => over(top, below), root);
}

function contrast() {
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || element.closest("script, style, .unseen, .skip, .tip")) continue;
    if (!element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const text = colour(element instanceof SVGElement ? style.fill : style.color);
    const ground = background(element.closest("svg") ? element.closest("svg").parentElement : element);
    const [a, b] = [luminance(over(text, ground)), luminance(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(2)}: ${element.tagName} "${element.textContent.slice(0, 30)}"`);
  }
}

function roles() {
  const all = (query) => [...document.querySelectorAll(query)];
  const named = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby");
  for (const img of all("img")) if (!img.alt) say("an image without a text");
  for (const img of all("img")) if (!img.complete || !img.naturalWidth) say("an image that is none");
  for (const svg of all("svg")) {
    if (!svg.getAttribute("role") || !named(svg)) say("an svg without role or name");
  }
  for (const e of all("[tabindex], section, nav, aside")) if (!named(e)) say(`${e.tagName} without a name`);
  for (const e of all("[aria-labelledby]")) {
    if (!document.getElementById(e.getAttribute("aria-labelledby"))) say("a label that is not there");
  }
  for (const e of all("a[href^='#']")) {
    if (!document.getElementById(e.getAttribute("href").slice(1))) say(`no place ${e.getAttribute("href")}`);
  }
  for (const th of all("th")) if (!th.scope) say("a head of a table without scope");
  for (const table of all("table")) if (!table.caption) say("a table without a caption");
  const ids = all("[id]").map((e) => e.id);
  if (new Set(ids).size !== ids.length) say("an id that stands twice");
  if (all("h1").length !== 1) say("not one h1");
  if (all("h3, h4").length) say("a level of headings is missing");
  if (!document.documentElement.lang || !document.title) say("no language or no title");
}

function overflow() {
  const [page, window] = [document.documentElement.scrollWidth, document.documentElement.clientWidth];
  if (page > window) {
    const wide = [...document.querySelectorAll("body *")].find(
      (e) => e.getBoundingClientRect().right > window + 0.5 && !e.closest(".scroll, .unseen, .skip, svg"));
    say(`${page} pixels wide in ${window}: ${wide ? wide.tagName + "." + wide.className : "?"}`);
  }
  // On a narrow screen these tables scroll.
  for (const table of window < 1000 ? [] : document.querySelectorAll("#networks .scroll")) {
    if (table.scrollWidth > table.clientWidth) say(`a table of networks is cut: ${table.getAttribute("aria-label")}`);
  }
}

async function run() {
  for (const details of document.querySelectorAll("details")) details.open = true;
  overflow();
  contrast();
  roles();
  let axe = null;
  if (window.axe) {
    const found = await window.axe.run(document, { resultTypes: ["violations"] });
    axe = found.violations.length;
    for (const v of found.violations) {
      say(`axe ${v.id}: ${v.nodes.length}, such as ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].any.map((a) => a.message).join("; ").slice(0, 160)}`);
    }
  }
  parent.postMessage({ width: window.innerWidth, dark: matchMedia("(prefers-color-scheme: dark)").matches, axe, problems }, "*");
}
window.addEventListener("load", run);
