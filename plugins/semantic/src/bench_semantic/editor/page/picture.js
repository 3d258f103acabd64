// The map on the screen: drawing it, and painting on it with pointer or keyboard.
//
// What is painted here is a preview. The server does the same on whole numbers, and its map is drawn when it answers.

const element = (id) => document.getElementById(id);

export class Picture {
  /** `tool()` says {name, side, label}; `done(operation)`, `picked(label)` and `moved(x, y, label)` are told. */
  constructor({ tool, done, picked, moved, most, resize }) {
    Object.assign(this, { tool, done, picked, moved, most });
    this.stage = element("map");
    this.canvas = element("overlay");
    this.context = this.canvas.getContext("2d");
    this.outline = element("outline");
    this.stroke = null;
    this.pointer = null; // the one that draws the stroke; a second finger or a palm is another
    this.cursor = null;
    const turned = wheel();
    const on = (name, action) => this.stage.addEventListener(name, action, { passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("mousedown", (event) => event.preventDefault()); // painting with the mouse does not focus
    on("pointerup", (event) => this.up(event));
    for (const name of ["pointercancel", "lostpointercapture"]) {
      on(name, (event) => { if (event.pointerId === this.pointer) this.cancel(); });
    }
    on("pointerleave", () => { if (!this.stroke) this.point(null); });
    on("keydown", (event) => this.key(event));
    on("blur", () => { if (!this.stroke) this.point(null); });
    on("contextmenu", (event) => { if (this.stroke) event.preventDefault(); });
    on("wheel", (event) => {
      if (event.ctrlKey) return; // the browser's own zoom
      event.preventDefault();
      const steps = turned(event);
      if (steps) resize(-steps * (event.shiftKey ? 10 : 1));
    });
  }

  setColors(colors) {
    this.css = colors.map(([r, g, b]) => `rgb(${r} ${g} ${b})`);
    this.colors = colors;
  }

  show(photo, labels) {
    this.photo = photo;
    this.stroke = this.cursor = null;
    [this.canvas.width, this.canvas.height] = photo.view;
    this.draw(labels);
  }

  clear() {
    this.photo = this.stroke = null;
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.point(null);
  }

  draw(labels) {
    this.labels = labels;
    const image = this.context.createImageData(this.canvas.width, this.canvas.height);
    for (let i = 0, j = 0; i < labels.length; i += 1, j += 4) {
      const color = this.colors[labels[i]];
      image.data[j] = color[0];
      image.data[j + 1] = color[1];
      image.data[j + 2] = color[2];
      image.data[j + 3] = 255;
    }
    this.context.putImageData(image, 0, 0);
    if (this.stroke) this.preview(this.stroke.points, this.stroke); // still being drawn
    this.point(this.cursor);
  }

  /** The pixel of the map under a pointer. */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    const { width, height, brush_max: margin } = this.photo; // no brush reaches the map from farther outside
    const within = (value, most) => Math.max(-margin, Math.min(most + margin - 1, Math.floor(value)));
    return [
      within(((event.clientX - box.left) / box.width) * width, width),
      within(((event.clientY - box.top) / box.height) * height, height),
    ];
  }

  inside([x, y]) {
    return x >= 0 && y >= 0 && x < this.photo.width && y < this.photo.height;
  }

  labelAt([x, y]) {
    const [width, height] = this.photo.view;
    const column = Math.min(width - 1, Math.floor(((x + 0.5) * width) / this.photo.width));
    const row = Math.min(height - 1, Math.floor(((y + 0.5) * height) / this.photo.height));
    return this.labels[row * width + column];
  }

  down(event) {
    if (!this.photo || event.button !== 0 || this.stroke) return;
    document.activeElement?.blur(); // keys are for the page now: with the mouse, arrows choose classes
    const place = this.at(event);
    if (!this.use(place, event.altKey)) return;
    this.pointer = event.pointerId;
    this.stage.setPointerCapture(event.pointerId);
  }

  /** Use the tool at a place; true where that begins a stroke. */
  use(place, picking = false) {
    const { name, side, label } = this.tool();
    if (name === "eyedropper" || picking) {
      if (this.inside(place)) this.picked(this.labelAt(place));
      return false;
    }
    if (name === "fill") {
      if (this.inside(place)) this.done({ kind: "fill", x: place[0], y: place[1], label });
      return false;
    }
    this.stroke = { points: [place], side, label };
    this.preview([place], this.stroke);
    return true;
  }

  move(event) {
    if (!this.photo || (this.stroke && event.pointerId !== this.pointer)) return;
    const place = this.at(event);
    if (this.stroke) this.extend(place);
    this.point(place);
  }

  extend(place) {
    const { points } = this.stroke;
    const last = points[points.length - 1];
    if (last[0] === place[0] && last[1] === place[1]) return;
    points.push(place);
    this.preview([last, place], this.stroke);
    if (points.length >= this.most) { // go on with a new stroke, from here
      const going = this.stroke;
      this.finish();
      this.stroke = { ...going, points: [place] };
    }
  }

  up(event) {
    if (!this.stroke || event.pointerId !== this.pointer) return;
    this.extend(this.at(event));
    this.finish();
  }

  finish() {
    const stroke = this.stroke;
    this.stroke = null;
    this.done({ kind: "stroke", ...stroke });
  }

  /** Give up the stroke that is being drawn. */
  cancel() {
    if (!this.stroke) return false;
    this.stroke = null;
    this.draw(this.labels);
    return true;
  }

  preview(points, { side, label }) {
    if (!side) return;
    const scale = [this.canvas.width / this.photo.width, this.canvas.height / this.photo.height];
    const half = Math.floor(side / 2);
    this.context.fillStyle = this.css[label];
    for (const [x, y] of way(points)) {
      const [left, top] = [Math.round((x - half) * scale[0]), Math.round((y - half) * scale[1])];
      const right = Math.round((x - half + side) * scale[0]);
      const bottom = Math.round((y - half + side) * scale[1]);
      this.context.fillRect(left, top, right - left, bottom - top);
    }
  }

  /** Show where the brush is; null where it is nowhere. */
  point(place) {
    this.cursor = place;
    const { name, side } = this.tool();
    const { outline } = this;
    outline.hidden = !place;
    if (place) {
      const shown = name === "brush" ? side : 1;
      const half = Math.floor(shown / 2);
      const { width, height } = this.photo;
      outline.style.left = `${((place[0] - half) / width) * 100}%`;
      outline.style.top = `${((place[1] - half) / height) * 100}%`;
      outline.style.width = `${(shown / width) * 100}%`;
      outline.style.height = `${(shown / height) * 100}%`;
    }
    if (place && this.inside(place)) this.moved(...place, this.labelAt(place));
    else this.moved(null);
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!this.photo || event.ctrlKey || event.metaKey || event.altKey || this.stroke) return;
    const { width, height } = this.photo;
    const place = this.cursor ?? [Math.floor(width / 2), Math.floor(height / 2)];
    if (event.key in steps) {
      const by = event.shiftKey ? 10 : 1;
      const [dx, dy] = steps[event.key];
      this.point([
        Math.max(0, Math.min(width - 1, place[0] + dx * by)),
        Math.max(0, Math.min(height - 1, place[1] + dy * by)),
      ]);
    } else if (event.key === " " || event.key === "Enter") {
      if (this.use(place)) this.finish();
      this.point(place);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

/** A function that says how many steps a wheel was turned, down being positive. */
function wheel() {
  const notch = 100; // in pixels, about
  let [rest, last] = [0, -Infinity];
  return ({ deltaX, deltaY, deltaMode, timeStamp }) => {
    const turn = deltaY || deltaX; // with Shift, some systems turn it sideways
    const pixels = turn * [1, notch / 3, notch][deltaMode];
    // Each notch of a mouse is a step. Its size depends on browser, zoom and speed; a slow one may be small but is alone.
    const whole = deltaMode || Math.abs(pixels) >= notch / 2 || timeStamp - last > 200;
    last = timeStamp;
    if (whole || rest * turn < 0) rest = 0;
    if (whole) return Math.sign(turn) * Math.max(1, Math.floor(Math.abs(pixels) / notch));
    rest += pixels; // a touchpad sends many small moves
    const steps = Math.trunc(rest / notch);
    rest -= steps * notch;
    return steps;
  };
}

/** The points and every pixel between two of them, as bench_semantic.editor.strokes has it. */
function* way(points) {
  yield points[0];
  for (let i = 1; i < points.length; i += 1) {
    const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0));
    for (let step = 1; step <= steps; step += 1) {
      yield [
        x0 + Math.floor((2 * step * (x1 - x0) + steps) / (2 * steps)),
        y0 + Math.floor((2 * step * (y1 - y0) + steps) / (2 * steps)),
      ];
    }
  }
}
