/** Placement in a cluster, as text for a terminal. */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { PlaceReport, ShardsReport, ShareReport } from '../admin/shard-queries.ts';
import { columns, table } from './table.ts';

/** Of more members the largest and the smallest ones are shown, one half each. */
const ROWS_MAX = 40;
const BAR_MAX = 40;
/** A shorter bar says nothing: there is none then. */
const BAR_MIN = 6;
/** Names are not cut below that. */
const NAME_MIN = 8;
const GAP = 2;
/** A member that is further from its fair share stands out. */
const EVEN_WITHIN = 0.1;

/** One member, with what it is judged by. */
interface Row extends ShareReport {
  /** Of all partitions, 0 to 1. */
  readonly share: number;
  /** From what is due to it by weight: 0.1 is a tenth too many. */
  readonly deviation: number;
}

/** Characters that a column may take. */
interface Widths {
  readonly name: number;
  readonly zone: number;
  /** 0: no bars. */
  readonly bar: number;
}

/** `partition`, `epoch` and `owner`, or `owners` where several were asked for, each on a line. */
export function renderPlace({ partition, epoch, owner, owners }: PlaceReport): string {
  return columns([
    owners === undefined ? ['owner', owner] : ['owners', owners.join(' ')],
    ['partition', String(partition)],
    ['epoch', epoch],
  ]);
}

/** @param width of the terminal; undefined: what is written is no terminal, and nothing is cut. */
export function renderShards(report: ShardsReport, width?: number): string {
  const rows = judged(report);
  const half = ROWS_MAX / 2;
  const shown = rows.length <= ROWS_MAX ? rows : [...rows.slice(0, half), ...rows.slice(-half)];
  const lines = render(shown, report.node, width);
  // The first line has the headings.
  if (rows.length > ROWS_MAX) lines.splice(1 + half, 0, leftOut(rows.slice(half, -half)));
  return `${lines.join('\n')}\n\n${summaryOf(report)}`;
}

/** The largest first; of equal ones in the order of their names. */
function judged({ ringSize, members }: ShardsReport): readonly Row[] {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  return members
    .map((member) => {
      const { partitions, weight } = member;
      // Where all have weight 0, all have the same share.
      const due = total === 0 ? ringSize / members.length : (ringSize * weight) / total;
      const deviation = due === 0 ? 0 : partitions / due - 1;
      return { ...member, share: partitions / ringSize, deviation };
    })
    .sort((a, b) => b.partitions - a.partitions || (a.node < b.node ? -1 : 1));
}

function render(rows: readonly Row[], self: string, width: number | undefined): string[] {
  const longest = {
    name: Math.max(...rows.map(({ node }) => lengthOf(node))),
    zone: Math.max(...rows.map(({ zone }) => lengthOf(zone ?? ''))),
  };
  const widths = widthsFor(rows, { ...longest, bar: BAR_MAX }, width);
  return linesOf(rows, widths, self);
}

/** The bar gives way first, then names and zones. */
function widthsFor(rows: readonly Row[], wanted: Widths, width: number | undefined): Widths {
  if (width === undefined) return wanted;
  const plain = linesOf(rows, { ...wanted, bar: 0 }).map(lengthOf);
  const left = width - Math.max(...plain);
  const bar = Math.min(BAR_MAX, left - GAP);
  if (bar >= BAR_MIN) return { ...wanted, bar };
  if (left >= 0) return { ...wanted, bar: 0 };
  const forNames = wanted.name + wanted.zone + left;
  const zone = Math.min(wanted.zone, Math.max(NAME_MIN, Math.floor(forNames / 2)));
  return { name: Math.max(NAME_MIN, forNames - zone), zone, bar: 0 };
}

function linesOf(rows: readonly Row[], widths: Widths, self?: string): string[] {
  const largest = Math.max(1, ...rows.map(({ partitions }) => partitions));
  const names = ['member', ...rows.map((row) => nameOf(row, widths.name, self))];
  const zones = ['zone', ...rows.map(({ zone }) => cut(zone ?? '-', widths.zone))];
  const bars = ['', ...rows.map((row) => barOf(row, largest, widths.bar))];
  const shown = [
    names,
    ...(rows.some(({ zone }) => zone !== null) ? [zones] : []),
    toTheRight(['weight', ...rows.map(({ weight }) => String(weight))]),
    toTheRight(['partitions', ...rows.map(({ partitions }) => String(partitions))]),
    ...(widths.bar === 0 ? [] : [bars]),
    toTheRight(['share', ...rows.map(({ share }) => percent(share))]),
    toTheRight(['off by', ...rows.map(({ deviation }) => signed(deviation))]),
  ];
  const lines = names.map((_, at) => shown.map((column) => column[at] ?? ''));
  return table(lines[0] ?? [], lines.slice(1)).split('\n');
}

/** The node that was asked stands out. */
function nameOf({ node }: Row, width: number, self: string | undefined): string {
  const name = cut(node, width);
  return node === self ? styleText('bold', name) : name;
}

/** Whoever owns something has a bar. */
function barOf({ partitions, deviation }: Row, largest: number, width: number): string {
  const length = Math.ceil((partitions / largest) * width);
  const colour = Math.abs(deviation) <= EVEN_WITHIN ? 'green' : 'yellow';
  return styleText(colour, '█'.repeat(length));
}

/** So that numbers end under each other. */
function toTheRight(cells: readonly string[]): readonly string[] {
  const longest = Math.max(...cells.map(lengthOf));
  return cells.map((cell) => cell.padStart(longest));
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A share that is next to nothing has no sign. */
function signed(share: number): string {
  const text = percent(share);
  if (text === '-0.0 %' || text === '0.0 %') return percent(0);
  return share < 0 ? text : `+${text}`;
}

/** A line in place of those members. */
function leftOut(rows: readonly Row[]): string {
  const most = rows[0]?.partitions ?? 0;
  const least = rows.at(-1)?.partitions ?? 0;
  const each = most === least ? `${most} partitions each` : `${least} to ${most} partitions each`;
  return styleText('dim', `... ${rows.length} more, ${each}`);
}

function summaryOf({ node, ringSize, epoch, members, held, waiting }: ShardsReport): string {
  const who = `${members.length} member${members.length === 1 ? '' : 's'}`;
  const waits = waiting === 0 ? String(waiting) : styleText('yellow', String(waiting));
  const here = `${styleText('bold', node)} holds ${held} and waits for ${waits}`;
  return `ring of ${ringSize}, epoch ${epoch}, ${who}; ${here}`;
}

function lengthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
