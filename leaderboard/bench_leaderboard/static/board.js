// Sorting and filtering of the tables. The pages are complete without it; all state is in the address after the #.
"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const text = document.getElementById("filter-text");
  const count = document.getElementById("filter-count");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const tables = [...document.querySelectorAll("table.board")].map((element) => {
    const heads = [element.querySelector("thead .method"), ...element.querySelectorAll("thead .column")];
    return {
      element, heads, slug: element.dataset.table, body: element.tBodies[0],
      groups: [...element.querySelectorAll("thead .group")],
      rows: [...element.tBodies[0].rows],
      first: heads.findIndex((head) => head.hasAttribute("aria-sort")),
    };
  });

  // ---- sorting: figures that leave failures out come after whole ones, missing ones last; equal ones keep their order
  const bestFirst = (head) => (head.dataset.direction === "higher" ? "descending" : "ascending");

  function sort(table, index, order) {
    const sign = order === "descending" ? -1 : 1;
    const value = (row) => {
      if (index === 0) return row.cells[0].textContent.trim().toLowerCase();
      const text = row.cells[index].dataset.value;
      return text === undefined ? null : Number(text);
    };
    const standing = (cell, key) => (key === null ? 2 : "failed" in cell.dataset ? 1 : 0);
    const keyed = table.rows.map((row, at) => {
      const key = value(row);
      return { row, at, key, standing: standing(row.cells[index], key) };
    });
    keyed.sort((a, b) => {
      if (a.standing !== b.standing) return a.standing - b.standing;
      return a.key < b.key ? -sign : a.key > b.key ? sign : a.at - b.at;
    });
    table.body.append(...keyed.map((item) => item.row));
    table.heads.forEach((head, at) => head.setAttribute("aria-sort", at === index ? order : "none"));
    table.sorted = [index, order];
    const ranked = document.querySelector(`[data-ranked="${table.slug}"]`);
    if (ranked) ranked.textContent = table.heads[index].dataset.name;
  }

  for (const table of tables) {
    table.heads.forEach((head, index) => {
      const label = head.querySelector(".head");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "head sort";
      button.append(...label.childNodes);
      label.replaceWith(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const start = index === 0 ? "ascending" : bestFirst(head);
        const turned = now === "ascending" ? "descending" : "ascending";
        sort(table, index, now === "ascending" || now === "descending" ? turned : start);
        save();
      });
    });
  }

  // ---- filters
  function filter() {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const off = { degradation: new Set(), metric: new Set() };
    for (const box of boxes) if (!box.checked) off[box.name].add(box.value);
    const gone = new Set();
    let shown = 0;
    let all = 0;
    for (const table of tables) {
      const hidden = table.heads.map(
        (head, at) => at > 0 && (off.degradation.has(head.dataset.degradation) || off.metric.has(head.dataset.metric)));
      table.heads.forEach((head, at) => { head.hidden = hidden[at]; });
      for (const row of table.rows) {
        const name = row.cells[0].textContent.toLowerCase();
        row.hidden = !wanted.every((word) => name.includes(word));
        if (row.hidden) gone.add(row.dataset.run);
        shown += !row.hidden;
        all += 1;
        [...row.cells].forEach((cell, at) => { cell.hidden = hidden[at]; });
      }
      for (const group of table.groups) {
        const own = table.heads.filter((head, at) => at > 0 && !hidden[at] && head.dataset.degradation === group.dataset.degradation);
        group.hidden = own.length === 0;
        if (own.length) group.colSpan = own.length;
      }
    }
    for (const mark of document.querySelectorAll(".chart [data-run]")) mark.classList.toggle("gone", gone.has(mark.dataset.run));
    for (const charts of document.querySelectorAll("details.charts")) charts.hidden = off.metric.has(charts.dataset.metric);
    count.value = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
  }

  // ---- state in the address: works from disk, can be sent, and survives a reload
  function save() {
    const state = new URLSearchParams();
    if (text.value) state.set("q", text.value);
    for (const box of boxes) if (!box.checked) state.append(`no-${box.name}`, box.value);
    for (const table of tables) {
      if (table.sorted) state.append("sort", `${table.slug} ${table.heads[table.sorted[0]].dataset.key} ${table.sorted[1]}`);
    }
    const hash = state.toString();
    try {
      history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    } catch {
      location.hash = hash;
    }
  }

  function load() {
    const hash = location.hash.slice(1);
    if (hash && !hash.includes("=")) return; // the address of a table
    const state = new URLSearchParams(hash);
    text.value = state.get("q") ?? "";
    for (const box of boxes) box.checked = !state.getAll(`no-${box.name}`).includes(box.value);
    for (const item of state.getAll("sort")) {
      const [slug, key, order] = item.split(" ");
      const table = tables.find((table) => table.slug === slug);
      const index = table ? table.heads.findIndex((head) => head.dataset.key === key) : -1;
      if (index >= 0 && ["ascending", "descending"].includes(order)) sort(table, index, order);
    }
  }

  const changed = () => { filter(); save(); };
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    for (const table of tables) {
      if (table.first >= 0) sort(table, table.first, bestFirst(table.heads[table.first]));
      table.sorted = undefined;
    }
    changed();
  }));
  window.addEventListener("hashchange", () => { load(); filter(); });
  form.hidden = false;
  load();
  filter();
})();
