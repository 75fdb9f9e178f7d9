// CSV: read what people paste, write what they take along.

/** Rows of cells; quoted cells may hold commas, quotes and line breaks. The separator is found in the first line. */
export function read(text) {
  const plain = text.replace(/^\uFEFF/, "");
  const first = plain.slice(0, (plain + "\n").indexOf("\n"));
  const separator = [",", ";", "\t"].reduce((best, mark) => (first.split(mark).length > first.split(best).length ? mark : best), ",");
  const rows = [];
  let [row, cell, quoted] = [[], "", false];
  const endRow = () => {
    row.push(cell);
    if (row.some((value) => value.trim() !== "")) rows.push(row);
    [row, cell] = [[], ""];
  };
  for (let i = 0; i < plain.length; i++) {
    const letter = plain[i];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (plain[i + 1] === '"') cell += plain[++i];
      else quoted = false;
    } else if (letter === '"' && cell.trim() === "") [cell, quoted] = ["", true];
    else if (letter === separator) {
      row.push(cell);
      cell = "";
    } else if (letter === "\n") endRow();
    else if (letter !== "\r") cell += letter;
  }
  endRow();
  return rows;
}

/** A cell; what a spreadsheet would take for a formula is made text. */
function cell(value) {
  const text = value === undefined || value === null ? "" : String(value);
  const formula = /^[=@\t\r]/.test(text) || /^[+-](?![\d ()./-]*$)/.test(text);
  const safe = formula ? "'" + text : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function write(titles, rows) {
  return [titles, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** Gives the user a file. */
export function save(name, text) {
  const address = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name.replace(/[^A-Za-z0-9._-]+/g, "-");
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
