// Rows of texts and numbers as an aligned table.

/** A cell: texts stand on the left of their column, numbers on the right with separated thousands. */
export type Cell = string | number;

/** Lines of a table under its column names, two spaces between columns. */
export function tableLines(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  const texts = rows.map((row) => row.map(textOf));
  const widths = columns.map((name, i) =>
    Math.max(name.length, ...texts.map((row) => row[i].length)),
  );
  const isNumber = columns.map((_, i) => rows.every((row) => typeof row[i] === 'number'));
  return [columns, ...texts].map((row) =>
    row
      .map((text, i) => (isNumber[i] ? text.padStart(widths[i]) : text.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}

function textOf(cell: Cell): string {
  return typeof cell === 'number' ? cell.toLocaleString('en-US') : cell;
}
