// A chart's data are the rows of the table behind it, so the two cannot differ.

const number = (text) => Number(text.replaceAll("\u2212", "-").replaceAll("\u00a0", ""));

// Returns one object per row: a column's text or number under the key that its heading declares.
export function readTable(table) {
  const headings = [...table.tHead.rows[0].cells];
  return [...table.tBodies[0].rows].map((row) => {
    const found = {};
    [...row.cells].forEach((cell, index) => {
      const { key } = headings[index].dataset;
      if (key) {
        const text = cell.dataset.v ?? cell.textContent.trim();
        found[key] = headings[index].classList.contains("number") ? number(text) : text;
      }
    });
    return found;
  });
}

export const headingOf = (table, key) => table.tHead.querySelector(`[data-key='${key}']`)?.textContent ?? key;
