"use strict";
// Test examples with different predictions. Data: groups of examples with each system's prediction.
(() => {
  const PAGE = 20;
  const groups = JSON.parse(document.getElementById("example-data").textContent);
  const find = (name) => document.getElementById("browser-" + name);
  const [group, a, b, kind, text, count, list, more] =
    ["group", "a", "b", "kind", "text", "count", "list", "more"].map(find);
  let shown = PAGE;

  const setOptions = (select, names, chosen) => {
    select.replaceChildren(...names.map((name, i) => new Option(name, String(i), false, i === chosen)));
  };
  const add = (parent, tag, content, className) => {
    const node = document.createElement(tag);
    node.textContent = content;
    if (className) node.className = className;
    parent.append(node);
    return node;
  };

  const matching = () => {
    const data = groups[Number(group.value)];
    const [i, j] = [Number(a.value), Number(b.value)];
    const wanted = text.value.trim().toLowerCase();
    const rows = data.rows.filter((row) => {
      if (row.predicted[i] === row.predicted[j]) return false;
      if (kind.value === "a" && row.score[i] <= row.score[j]) return false;
      if (kind.value === "b" && row.score[j] <= row.score[i]) return false;
      return !wanted || (row.text + " " + row.gold + " " + row.id).toLowerCase().includes(wanted);
    });
    const gain = (row) => Math.abs(row.score[i] - row.score[j]);
    return [data, i, j, rows.sort((first, second) => gain(second) - gain(first))];
  };

  const draw = () => {
    const [data, i, j, rows] = matching();
    count.textContent = i === j
      ? "Choose two different representations."
      : `${rows.length} of ${data.rows.length} examples on this page (${data.note})`;
    list.replaceChildren(...rows.slice(0, shown).map((row) => {
      const item = document.createElement("li");
      add(item, "span", row.id, "id");
      if (row.text) add(item, "div", row.text);
      const terms = add(item, "dl", "");
      const line = (name, value) => { add(terms, "dt", name); add(terms, "dd", value); };
      line("gold", row.gold);
      line(data.systems[i], row.predicted[i]);
      line(data.systems[j], row.predicted[j]);
      return item;
    }));
    more.hidden = rows.length <= shown;
  };

  const choose = () => {
    const { systems } = groups[Number(group.value)];
    setOptions(a, systems, systems.length - 1);
    setOptions(b, systems, 0);
    restart();
  };
  const restart = () => { shown = PAGE; draw(); };

  setOptions(group, groups.map((entry) => entry.name), 0);
  group.addEventListener("change", choose);
  for (const control of [a, b, kind]) control.addEventListener("change", restart);
  text.addEventListener("input", restart);
  document.getElementById("browser").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { shown += PAGE; draw(); });
  choose();
})();
