// SPDX-License-Identifier: Apache-2.0
/** Tables without borders, as kubectl prints them. */
import Table from 'cli-table3';

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
} as const;

const GAP = 3;
/** cli-table3 takes time with the square of the rows: many small tables of equal widths do not. */
const CHUNK = 50;

/** Width without SGR sequences, which take no room. */
function width(cell: string): number {
  return cell.replace(/\x1b\[[0-9;]*m/g, '').length;
}

/** Lines, each ended; empty cells show "-". */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => row.map((cell) => (cell === '' ? '-' : cell)));
  if (head.length > 0) lines.unshift([...head]);
  const widths: number[] = [];
  for (const line of lines) {
    for (const [i, cell] of line.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell) + GAP);
  }
  let text = '';
  for (let at = 0; at < lines.length; at += CHUNK) {
    const table = new Table({
      colWidths: widths,
      chars: NO_BORDERS,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP, compact: true },
    });
    table.push(...lines.slice(at, at + CHUNK));
    for (const line of table.toString().split('\n')) text += `${line.trimEnd()}\n`;
  }
  return text;
}
