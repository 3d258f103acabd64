// The page: what its controls do. The photo's state is in session.js, the map on the screen in picture.js.

import * as api from "./api.js";
import { Classes } from "./classes.js";
import { listen } from "./keys.js";
import { Picture } from "./picture.js";
import { Session } from "./session.js";

const element = (id) => document.getElementById(id);
const on = (id, name, action) => element(id).addEventListener(name, action);
history.replaceState(null, "", "/"); // the token is a cookie by now, and need not stay in the address

const { classes, limits, saves } = await api.start();
const tool = { name: "brush", side: 20, label: 0 };
let photos = [];
let wanted = null; // the id of the photo that was asked for last, and in the end of the one on the desk
let passed = null; // the id of the last that could not be opened: next and previous go beyond it
let adding = Promise.resolve(); // the files that are being taken as photos
let peeking = false;
let hidden = 0; // the opacity to go back to, while the map is hidden

const session = new Session({
  opened(photo, gray, labels) {
    for (const stage of document.querySelectorAll(".stage")) stage.style.setProperty("--ratio", photo.width / photo.height);
    element("gray").src = gray;
    element("result").removeAttribute("src");
    element("result-size").textContent = `${photo.width}×${photo.height}`;
    document.body.dataset.colored = "";
    picture.show(photo, labels);
    setSide(tool.side); // the largest brush is the photo's own
    this.changed(photo);
    for (const [id, name] of Object.entries({ labels: "labels.png", result: "result.png", edit: "edits.zip" })) {
      element(`get-${id}`).href = api.download(photo.id, name);
    }
    setOpacity(Number(element("opacity").value));
    list();
  },
  closed() {
    for (const id of ["gray", "result"]) element(id).removeAttribute("src");
    element("result-size").textContent = "";
    picture.clear();
    this.changed({});
  },
  changed(photo) {
    element("undo").disabled = !photo.undo;
    element("redo").disabled = !photo.redo;
    element("reset").disabled = !photo.edited;
    Object.assign(document.body.dataset, { photo: photo.id ?? "", revision: photo.revision ?? "" });
    const shown = photos.find(({ id }) => id === photo.id);
    if (shown) Object.assign(shown, { edited: photo.edited, unsaved: photo.unsaved });
    mark();
  },
  labels: (labels) => picture.draw(labels),
  result(url, revision) {
    if (!peeking) element("result").src = url;
    document.body.dataset.colored = revision;
  },
  busy(busy) {
    element("result-stage").setAttribute("aria-busy", busy);
    const line = "Coloring…";
    if (busy || element("status").textContent === line) this.says(busy ? line : "");
  },
  says: (line) => { element("status").textContent = line; },
  failed: (line) => { element("error").textContent = line; },
});

const picture = new Picture({
  tool: () => tool,
  most: limits.points,
  done: (operation) => session.operate(operation),
  picked: (label) => classList.choose(label),
  moved(x, y, label) {
    element("where").textContent = x === null ? "" : `${classes[label].name} at ${x}, ${y}`;
  },
  resize,
});
picture.setColors(classes.map(({ color }) => color));
const classList = new Classes(classes, (index) => { tool.label = index; });

function choose(name) {
  // The eyedropper is a toggle: choosing it again goes back to the brush.
  tool.name = name === "eyedropper" && tool.name === name ? "brush" : name;
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", button.dataset.tool === tool.name);
  }
  if (session.photo) picture.point(picture.cursor);
}

const largest = () => session.photo?.brush_max ?? limits.side;

function setSide(side) {
  tool.side = Math.max(0, Math.min(largest(), side));
  element("side").max = largest();
  element("side").value = tool.side;
  element("side-shown").textContent = `${tool.side} px`;
  if (session.photo) picture.point(picture.cursor);
}

function resize(by) {
  setSide(tool.side + by * Math.round(largest() / 100));
}

function setOpacity(percent) {
  element("opacity").value = percent;
  element("opacity-shown").textContent = `${percent} %`;
  element("overlay").style.opacity = percent / 100;
  if (session.photo) element("get-overlay").href = api.download(session.photo.id, `overlay.png?opacity=${percent}`);
}

function hide() {
  const now = Number(element("opacity").value);
  setOpacity(now ? 0 : hidden || 50);
  hidden = now;
}

async function peek(show) {
  if (peeking === show || (show && !session.photo)) return;
  peeking = show;
  element("peek").setAttribute("aria-pressed", show);
  element("result-title").textContent = show ? "Result before your edits" : "Result";
  const { urls } = session;
  if (!show) {
    if (urls.result) element("result").src = urls.result;
    return;
  }
  await session.attempt("", async () => {
    const url = await session.automatic();
    if (peeking && session.urls === urls) element("result").src = url;
  });
}

// Photos

async function list() {
  photos = await api.photos();
  const options = photos.map(({ id, name }) => new Option(name, id));
  element("photos").replaceChildren(...options);
  mark();
}

/** Show which photos are edited, and what can be done with the one that is open. */
function mark() {
  for (const [index, { name, edited }] of photos.entries()) {
    const option = element("photos").options[index];
    if (option) option.textContent = edited ? `● ${name} (edited)` : name;
  }
  const at = photos.findIndex(({ id }) => id === session.photo?.id);
  element("photos").value = String(wanted ?? "");
  element("previous").disabled = !beside(-1);
  element("next").disabled = !beside(1);
  element("remove").hidden = !photos[at]?.uploaded;
  element("get-edits").setAttribute("aria-disabled", !photos.some(({ edited }) => edited));
  element("save").textContent = photos.some(({ unsaved }) => unsaved) ? "Save" : "Saved";
  element("empty").hidden = photos.length > 0;
  for (const figure of document.querySelectorAll("figure")) figure.hidden = !photos.length;
  element("photos").disabled = !photos.length;
  for (const id of ["peek", "import"]) element(id).disabled = !session.photo;
  element("export").hidden = !session.photo;
}

/** Open a photo. Where that fails, the one on the desk stays there, and its name in the list. */
function visit(id) {
  wanted = id;
  mark();
  return session.attempt("Reading the photo and predicting its map…", async () => {
    await session.open(id);
    passed = null;
    mark();
  }, () => {
    wanted = session.photo?.id ?? null;
    passed = id;
    mark();
  });
}

/** The next photo in the list (by = 1) or the previous (-1), beyond one there that could not be opened. */
function beside(by) {
  const place = (wish) => photos.findIndex(({ id }) => id === wish);
  const [at, beyond] = [place(wanted), place(passed)];
  const past = beyond >= 0 && (at < 0 || Math.sign(beyond - at) === by);
  return photos[(past ? beyond : at) + by];
}

function go(by) {
  const photo = beside(by);
  if (photo) visit(photo.id);
}

/** Take files as photos, after those that are being taken: what one opens clears what was said of another. */
function add(files) {
  adding = adding.then(() => take(files));
}

/** Open the last of these; those that are refused are named, and do not keep out the others. */
async function take(files) {
  let last = null;
  const refused = new Set();
  for (const file of files) {
    refused.add(await session.attempt(`Reading ${file.name} and predicting its map…`, async () => {
      if (file.size > limits.bytes) throw new Error(`${file.name}: more than ${limits.bytes / 1e6} MB are not taken`);
      last = (await api.upload(file)).id;
      await list();
    }));
  }
  if (last) refused.add(await visit(last));
  refused.delete("");
  if (refused.size) session.view.failed([...refused].join("\n"));
}

async function remove() {
  const at = photos.findIndex(({ id }) => id === session.photo.id);
  const { id, name, edited } = photos[at];
  if (edited && !confirm(`Remove ${name} and what you painted on its map?`)) return;
  const failure = await session.attempt("", async () => {
    await api.remove(id);
    wanted = null;
    session.close();
    await list();
  });
  const next = photos[Math.min(at, photos.length - 1)];
  if (!failure && next) await visit(next.id);
}

async function save() {
  if (!saves) return;
  await session.line;
  let line = "";
  await session.attempt("Saving…", async () => {
    const { saved } = await api.save();
    line = saved === 1 ? "1 edit saved" : `${saved} edits saved`;
    await list();
  });
  element("status").textContent = line;
}

// Controls

for (const button of document.querySelectorAll("[data-tool]")) {
  button.addEventListener("click", () => choose(button.dataset.tool));
}
on("side", "input", (event) => setSide(Number(event.target.value)));
on("opacity", "input", (event) => setOpacity(Number(event.target.value)));
on("undo", "click", () => session.operate({ kind: "undo" }));
on("redo", "click", () => session.operate({ kind: "redo" }));
on("reset", "click", () => session.operate({ kind: "reset" }));
on("previous", "click", () => go(-1));
on("next", "click", () => go(1));
on("photos", "change", (event) => visit(Number(event.target.value)));
on("remove", "click", remove);
on("save", "click", save);
on("add", "click", () => element("photo-file").click());
on("photo-file", "change", (event) => { add([...event.target.files]); event.target.value = ""; });
on("import", "click", () => element("map-file").click());
on("map-file", "change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) session.operate(null, (id) => api.loadMap(id, file));
});
for (const [name, show] of [["pointerdown", true], ["pointerup", false], ["pointerleave", false], ["blur", false]]) {
  on("peek", name, () => peek(show));
}
for (const [name, show] of [["keydown", true], ["keyup", false]]) {
  on("peek", name, (event) => { if (event.key === " " || event.key === "Enter") peek(show); });
}
on("export", "click", (event) => { if (event.target.closest("a")) element("export").open = false; });
document.addEventListener("click", (event) => {
  if (!event.target.closest("#export")) element("export").open = false;
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  add([...event.dataTransfer.files]);
});
listen({
  tool: choose,
  resize,
  hide,
  peek,
  save,
  photo: go,
  digit: (number) => classList.choose(number),
  step: (by) => classList.step(by),
  undo: () => session.operate({ kind: "undo" }),
  redo: () => session.operate({ kind: "redo" }),
  search: () => element("search").select(),
  escape() {
    element("export").open = false;
    picture.cancel();
  },
});

element("save").hidden = !saves;
setSide(tool.side);
setOpacity(50);
await list();
if (photos.length) await visit(photos[0].id);
