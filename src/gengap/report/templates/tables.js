// Lets the reader sort each table by a click on a heading: by the number that a cell begins with, or by its text.
(() => {
  const MISSING = "–";

  function value(row, index) {
    const text = row.cells[index].textContent.trim();
    const number = Number.parseFloat(text.replaceAll(",", ""));
    return { text, number, missing: text === MISSING || text === "" };
  }

  function compare(a, b, numeric) {
    return numeric ? a.number - b.number : a.text.localeCompare(b.text);
  }

  function sort(table, heading, index) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row, value(row, index)]);
    const known = rows.filter(([, cell]) => !cell.missing);
    const numeric = known.every(([, cell]) => !Number.isNaN(cell.number));
    const before = heading.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const second = numeric ? "ascending" : "descending";
    const order = before === first ? second : first;
    known.sort(([, a], [, b]) => (order === "ascending" ? 1 : -1) * compare(a, b, numeric));
    body.append(...known.map(([row]) => row), ...rows.filter(([, cell]) => cell.missing).map(([row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
  }

  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((heading, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading, index));
      heading.append(button);
    });
  }
})();
