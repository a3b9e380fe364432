// Filters, sorts and downloads the rows of each batch. Everything else is in the page without it.
"use strict";
for (const area of document.querySelectorAll("[data-rows]")) {
  const table = area.querySelector("table");
  const body = table.tBodies[0];
  const csv = JSON.parse(area.querySelector("script").textContent);
  const headings = [...table.tHead.rows[0].cells];
  const text = area.querySelector("input");
  const outcome = area.querySelector("select");
  const status = area.querySelector("[role=status]");
  const download = area.querySelector("button");
  const collator = new Intl.Collator(undefined, {numeric: true, sensitivity: "base"});
  // Texts are read when they are first needed: a page with many rows opens sooner.
  let rows;
  let timer;

  const read = () => {
    rows ??= [...body.rows].map((row, index) => {
      const cells = [...row.cells].map((cell) => cell.textContent);
      return {row, index, cells, outcome: row.dataset.outcome, text: cells.join("\n").toLowerCase()};
    });
    return rows;
  };

  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    let shown = 0;
    for (const entry of read()) {
      const fits = (!outcome.value || entry.outcome === outcome.value) && entry.text.includes(wanted);
      if (entry.row.hidden === fits) entry.row.hidden = !fits;
      shown += fits;
    }
    say(shown, rows.length);
  };

  const say = (shown, all) => {
    const number = (value) => value.toLocaleString("en");
    status.textContent = shown === all ? `${number(all)} rows` : `${number(shown)} of ${number(all)} rows`;
    download.disabled = shown === 0;
  };

  const sort = (heading, column) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of headings) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    read().sort((a, b) => sign * collator.compare(a.cells[column], b.cells[column]) || a.index - b.index);
    const sorted = document.createDocumentFragment();
    for (const entry of rows) sorted.append(entry.row);
    body.append(sorted);
  };

  const save = () => {
    const lines = read().filter((entry) => !entry.row.hidden).map((entry) => csv.lines[entry.index]);
    // Spreadsheets take a file without the byte order mark for another encoding.
    const file = new Blob(["\ufeff" + [csv.header, ...lines, ""].join("\n")], {type: "text/csv;charset=utf-8"});
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = csv.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };

  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(heading, column));
    heading.replaceChildren(button);
    heading.setAttribute("aria-sort", "none");
  });
  for (const reason of area.querySelectorAll("[data-reason]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = reason.textContent;
    button.title = "Show only these rows";
    button.addEventListener("click", () => {
      text.value = button.textContent;
      outcome.value = "";
      filter();
      text.focus();
    });
    reason.replaceChildren(button);
  }
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, 100);
  });
  outcome.addEventListener("change", filter);
  download.addEventListener("click", save);
  area.querySelector(".controls").hidden = false;
  say(csv.lines.length, csv.lines.length);
}
// Some browsers do not take a table for one where its rows are laid out as cards.
if (matchMedia("(max-width: 42rem)").matches) {
  const roles = {TABLE: "table", TBODY: "rowgroup", THEAD: "rowgroup", TR: "row", TH: "columnheader", TD: "cell"};
  for (const part of document.querySelectorAll("table.rows, table.rows :is(thead, tbody, tr, th, td)")) {
    part.setAttribute("role", roles[part.tagName]);
  }
}
