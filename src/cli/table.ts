/** Text in columns, for a terminal. */
import { stripVTControlCharacters, styleText } from 'node:util';

const GAP = '  ';

/** Rows under headings; a row shorter than the headings ends in empty cells. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = headings.map((heading) => styleText('dim', heading.toUpperCase()));
  return columns([head, ...rows]);
}

/** Rows whose columns stand under each other. Colours in cells do not count as width. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, at) => pad(cell, widths[at]))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

function pad(cell: string, width = 0): string {
  return cell + ' '.repeat(width - widthOf(cell));
}

function widthOf(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
