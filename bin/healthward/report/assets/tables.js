"use strict";
// Tables are sorted by their headers; those of scans follow the filter
(() => {
  const { byId, visible, onChange } = window.healthward;
  const collator = new Intl.Collator("en", { numeric: true });
  const missing = "–";

  function compare(one, other, numeric) {
    if (one === missing || other === missing) return (one === missing) - (other === missing);
    return numeric ? Number.parseFloat(one) - Number.parseFloat(other) : collator.compare(one, other);
  }

  function sort(table, header, column) {
    const before = header.getAttribute("aria-sort");
    const numeric = header.classList.contains("number");
    const descending = before ? before === "ascending" : numeric;
    table.querySelectorAll("thead th").forEach((one) => one.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: row.cells[column].textContent.trim() }));
    rows.sort((one, other) => {
      const order = compare(one.text, other.text, numeric);
      const known = one.text !== missing && other.text !== missing;
      return descending && known ? -order : order;
    });
    table.tBodies[0].append(...rows.map((one) => one.row));
  }

  document.querySelectorAll("table").forEach((table) => {
    if (table.closest(".settings") || table.tBodies[0].rows.length < 2) return;
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      header.replaceChildren(button);
      button.addEventListener("click", () => sort(table, header, column));
    });
  });

  const find = document.getElementById("find");
  const ranking = document.getElementById("ranking");
  const rows = [...document.querySelectorAll("tbody tr")].map((row) => ({
    row, scan: byId.get(row.querySelector("button.scan")?.dataset.scan), text: row.textContent.toLowerCase(),
  })).filter((one) => one.scan);

  function filter() {
    const wanted = find.value.trim().toLowerCase();
    rows.forEach(({ row, scan, text }) => {
      row.hidden = !visible(scan) || (ranking.contains(row) && !text.includes(wanted));
    });
  }

  find.addEventListener("input", filter);
  onChange(filter);
})();
