// The list of classes: which one paints, and finding one by name.

const element = (id) => document.getElementById(id);

export class Classes {
  constructor(classes, changed) {
    this.classes = classes;
    this.changed = changed;
    this.list = element("classes");
    this.search = element("search");
    this.items = classes.map(({ name, color }, index) => {
      const item = document.createElement("li");
      item.id = `class-${index}`;
      item.setAttribute("role", "option");
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = `rgb(${color.join(" ")})`;
      const number = document.createElement("span");
      number.className = "number";
      number.textContent = index;
      item.append(swatch, number, name);
      item.addEventListener("click", () => this.choose(index));
      return item;
    });
    this.none = document.createElement("li");
    this.none.className = "none";
    this.none.textContent = "No class of that name";
    this.list.append(...this.items, this.none);
    this.search.addEventListener("input", () => this.find());
    this.search.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.find();
    this.choose(0);
  }

  /** Paint with a class; false where there is none of that index. */
  choose(index) {
    if (!this.classes[index]) return false;
    this.active = index;
    const { name, color } = this.classes[index];
    this.items.forEach((item, i) => item.setAttribute("aria-selected", i === index));
    this.list.setAttribute("aria-activedescendant", this.items[index].id);
    this.items[index].scrollIntoView({ block: "nearest" });
    element("active-name").textContent = name;
    element("active-color").style.background = `rgb(${color.join(" ")})`;
    this.changed(index);
    return true;
  }

  /** The next class in the list as it is shown, or the previous. */
  step(by) {
    const shown = this.items.map((item, i) => (item.hidden ? -1 : i)).filter((i) => i >= 0);
    if (!shown.length) return;
    const at = shown.indexOf(this.active);
    this.choose(at < 0 ? shown[0] : shown[Math.max(0, Math.min(shown.length - 1, at + by))]);
  }

  find() {
    const text = this.search.value.trim().toLowerCase();
    this.items.forEach((item, i) => { item.hidden = !this.classes[i].name.toLowerCase().includes(text); });
    this.none.hidden = this.items.some((item) => !item.hidden);
  }

  key(event) {
    const moves = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    const typing = event.target === this.search;
    if (event.key in moves && !(typing && !event.key.startsWith("Arrow"))) {
      this.step(moves[event.key]);
    } else if (typing && event.key === "Enter") {
      this.step(0);
      this.leave();
    } else if (typing && event.key === "Escape") {
      this.leave();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  leave() {
    this.search.value = "";
    this.find();
    this.search.blur();
    element("map").focus({ preventScroll: true });
  }
}
