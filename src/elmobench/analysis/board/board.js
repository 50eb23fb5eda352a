"use strict";
// Filters and sorting. Without this script the page shows all entries.
(() => {
  const find = (id) => document.getElementById(id);
  const form = find("filters");
  const [group, columnText, family, rowText, study, sortValue] =
    ["filter-group", "filter-column", "filter-family", "filter-row", "filter-study", "sort-value"].map(find);
  const sections = [...document.querySelectorAll("section.group")].map((section) => {
    const table = section.querySelector("table.board");
    const heads = [...table.tHead.rows[0].cells];
    return { section, table, heads, rows: [...table.tBodies[0].rows] };
  });
  const words = (input) => input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const hasAll = (text, wanted) => wanted.every((word) => text.toLowerCase().includes(word));

  // An entry is shown if its section, column, row and one of its studies are wanted; a row or a
  // column without a shown entry is hidden.
  const filter = () => {
    const [inColumn, inRow] = [words(columnText), words(rowText)];
    const counts = { shown: 0, all: 0, columns: 0, allColumns: 0 };
    for (const { section, heads, rows } of sections) {
      const wantedSection = !group.value || section.id === group.value;
      const wantedColumn = heads.map((head, i) => i > 0 && hasAll(head.dataset.text, inColumn));
      const used = heads.map(() => false);
      for (const row of rows) {
        const wantedRow = (!family.value || row.dataset.family === family.value) &&
          hasAll(row.dataset.name, inRow);
        let any = false;
        [...row.cells].forEach((cell, i) => {
          if (cell.dataset.score === undefined) return;
          const studies = cell.dataset.studies.split(" ");
          const shown = wantedSection && wantedRow && wantedColumn[i] &&
            (!study.value || studies.includes(study.value));
          cell.classList.toggle("out", !shown);
          counts.all += 1;
          counts.shown += shown;
          any ||= shown;
          used[i] ||= shown;
        });
        row.hidden = !any;
      }
      used[0] = used.some(Boolean);
      heads.forEach((head, i) => {
        head.hidden = !used[i];
        for (const row of rows) row.cells[i].hidden = !used[i];
        counts.allColumns += i > 0;
        counts.columns += i > 0 && used[i];
      });
      section.hidden = !used[0];
    }
    find("filter-count").textContent = counts.shown
      ? `${counts.shown} of ${counts.all} entries, ${counts.columns} of ${counts.allColumns} columns`
      : `none of ${counts.all} entries: change or clear the filters`;
  };

  // A column sorts from the highest value down, then up, then as it was. Missing values are last.
  const compareNames = new Intl.Collator("en", { numeric: true }).compare;
  const sort = ({ table, heads, rows }, place, direction) => {
    const value = (row) => place === 0 ? row.dataset.name
      : Number(row.cells[place].dataset[sortValue.value] ?? "NaN");
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (place === 0) return compareNames(x, y);
      if (Number.isNaN(x) || Number.isNaN(y)) return 0;
      return x - y;
    };
    const missing = (row) => place > 0 && Number.isNaN(value(row));
    const sign = direction === "descending" ? -1 : 1;
    const sorted = direction === "none" ? rows
      : [...rows].sort((a, b) => missing(a) - missing(b) || sign * compare(a, b));
    table.tBodies[0].append(...sorted);
    heads.forEach((head, i) => head.setAttribute("aria-sort", i === place ? direction : "none"));
  };
  const sortAgain = () => {
    for (const one of sections) {
      const place = one.heads.findIndex((head) => head.getAttribute("aria-sort") !== "none");
      if (place >= 0) sort(one, place, one.heads[place].getAttribute("aria-sort"));
    }
  };
  for (const one of sections) {
    one.heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      const cycle = place === 0 ? ["ascending", "descending", "none"] : ["descending", "ascending", "none"];
      button.addEventListener("click", () => {
        sort(one, place, cycle[(cycle.indexOf(head.getAttribute("aria-sort")) + 1) % 3]);
      });
    });
  }

  const showDetails = () => {
    for (const name of ["interval", "cost"]) {
      document.body.classList.toggle(`without-${name}`, !find(`show-${name}`).checked);
    }
  };
  for (const select of [group, family, study]) select.addEventListener("change", filter);
  for (const input of [columnText, rowText]) input.addEventListener("input", filter);
  for (const name of ["interval", "cost"]) find(`show-${name}`).addEventListener("change", showDetails);
  sortValue.addEventListener("change", sortAgain);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    for (const one of sections) sort(one, 0, "none");
    showDetails();
    filter();
  }));
  form.hidden = false;
  showDetails();
  filter();
})();
