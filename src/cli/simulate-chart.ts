/**
 * Charts of a simulation as SVG. Scales, ticks and paths are d3's; the frame around them is here.
 * The picture brings its own background, so that it reads in light and in dark viewers.
 */
import { type ScaleLinear, scaleLinear } from 'd3-scale';
import { curveLinear, line } from 'd3-shape';
import { type ChartPlan, largest, type Point, type Series } from '../testing/lab/index.ts';

/** One series of a chart with its points. */
export interface Drawn {
  readonly label: string;
  readonly role: Series['role'];
  readonly points: readonly Point[];
}

export interface Panel {
  readonly plan: ChartPlan;
  readonly series: readonly Drawn[];
}

const WIDTH = 760;
const PANEL_HEIGHT = 380;
const HEAD = 84;
const MARGIN = { left: 84, right: 28, top: 72, bottom: 58 } as const;
const RIGHT: number = WIDTH - MARGIN.right;
const FONT = 'system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif';
const INK = '#1f2933';
const FAINT_INK = '#616e7c';
const GRID = '#e4e7eb';
const COLOURS: Readonly<Record<Series['role'], string>> = {
  ours: '#2563eb',
  published: '#d97706',
  other: '#0f9d7a',
};
/** Half of the share of a step that a bar fills. */
const BAR_HALF = 0.4;

export interface Picture {
  readonly title: string;
  /** A line below the title: size and seeds. */
  readonly note: string;
  readonly panels: readonly Panel[];
}

/** A card with one panel under the other. */
export function renderCharts({ title, note, panels }: Picture): string {
  const height = HEAD + panels.length * PANEL_HEIGHT;
  const body = panels.map((panel, at) => renderPanel(panel, HEAD + at * PANEL_HEIGHT));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"`,
    ` width="${WIDTH}" height="${height}" font-family="${FONT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"`,
    ` fill="#ffffff" stroke="#cbd2d9"/>`,
    text({ x: 28, y: 34, size: fitted(title), fill: INK, weight: 600 }, title),
    text({ x: 28, y: 56 }, note),
    ...body,
    '</svg>\n',
  ].join('\n');
}

interface Scales {
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
}

function renderPanel({ plan, series }: Panel, top: number): string {
  const scales = scalesOf(plan, series);
  const drawn = series.map((one, at) => {
    if (plan.form === 'bars') return bars(scales, one, { at, count: series.length });
    return lines(scales, one);
  });
  return [
    `<g transform="translate(0 ${top})">`,
    text({ x: 28, y: 18, size: 14, fill: INK, weight: 600 }, plan.title),
    legend(series),
    axes(plan, scales),
    // The first series is ours and lies on top.
    ...drawn.reverse(),
    '</g>',
  ].join('\n');
}

function scalesOf(plan: ChartPlan, series: readonly Drawn[]): Scales {
  const all = series.flatMap(({ points }) => [...points]);
  const pad = plan.form === 'bars' ? stepOf(all) / 2 : 0;
  const [left, right] = bounds(
    plan.x,
    all.map(([x]) => x),
  );
  const [low, high] = bounds(
    plan.y,
    all.map(([, y]) => y),
  );
  const x = scaleLinear([left - pad, right + pad], [MARGIN.left, RIGHT]);
  const y = scaleLinear([low, high], [PANEL_HEIGHT - MARGIN.bottom, MARGIN.top]);
  return { x, y: plan.y.high === undefined ? y.nice(5) : y };
}

function bounds(axis: ChartPlan['x'], values: readonly number[]): readonly [number, number] {
  const low = axis.low ?? (values.length === 0 ? 0 : -largest(values.map((value) => -value)));
  const high = axis.high ?? (values.length === 0 ? 1 : largest(values));
  return high > low ? [low, high] : [low, low + 1];
}

/** Least distance between two bars. */
function stepOf(points: readonly Point[]): number {
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const gaps = xs.slice(1).map((x, at) => x - (xs[at] ?? x));
  return gaps.length === 0 ? 1 : Math.min(...gaps);
}

function axes({ x: xAxis, y: yAxis }: ChartPlan, { x, y }: Scales): string {
  const bottom = PANEL_HEIGHT - MARGIN.bottom;
  const parts: string[] = [];
  for (const tick of y.ticks(5)) {
    const at = round(y(tick));
    parts.push(
      rule({ from: [MARGIN.left, at], to: [RIGHT, at], colour: GRID }),
      text({ x: MARGIN.left - 10, y: at + 4, anchor: 'end' }, tickText(tick, yAxis, y)),
    );
  }
  for (const tick of x.ticks(10)) {
    const at = round(x(tick));
    parts.push(
      rule({ from: [at, bottom], to: [at, bottom + 5], colour: FAINT_INK }),
      text({ x: at, y: bottom + 20, anchor: 'middle' }, tickText(tick, xAxis, x)),
    );
  }
  const middle = (MARGIN.top + bottom) / 2;
  parts.push(
    rule({ from: [MARGIN.left, bottom], to: [RIGHT, bottom], colour: FAINT_INK }),
    text({ x: (MARGIN.left + RIGHT) / 2, y: bottom + 42, anchor: 'middle', size: 13 }, xAxis.label),
    text({ x: 20, y: middle, anchor: 'middle', size: 13, turned: true }, yAxis.label),
  );
  return parts.join('\n');
}

function tickText(tick: number, axis: ChartPlan['x'], scale: ScaleLinear<number, number>): string {
  return scale.tickFormat(10, axis.isPercent === true ? '~%' : undefined)(tick);
}

function legend(series: readonly Drawn[]): string {
  let x = 28;
  return series
    .map(({ label, role }) => {
      const at = x;
      x += 48 + label.length * 6.6;
      const dash = role === 'published' ? ' stroke-dasharray="6 4"' : '';
      return [
        `<line x1="${at}" x2="${at + 22}" y1="38" y2="38" stroke="${COLOURS[role]}"`,
        ` stroke-width="3"${dash}/>`,
        text({ x: at + 29, y: 42 }, label),
      ].join('');
    })
    .join('\n');
}

function lines({ x, y }: Scales, { points, role }: Drawn): string {
  const colour = COLOURS[role];
  const path = line<Point>(
    ([at]) => round(x(at)),
    ([, value]) => round(y(value)),
  )
    .curve(curveLinear)
    .digits(1);
  const dash = role === 'published' ? ' stroke-dasharray="6 4"' : '';
  const dots = points.length <= 20 ? points.map(([at, value]) => dot(x(at), y(value), colour)) : [];
  const d = path([...points]) ?? '';
  return [
    `<path d="${d}" fill="none" stroke="${colour}" stroke-width="2.5"`,
    ` stroke-linejoin="round"${dash}/>`,
    ...dots,
  ].join('\n');
}

function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" fill="${colour}"/>`;
}

function bars(
  { x, y }: Scales,
  { points, role }: Drawn,
  place: { at: number; count: number },
): string {
  const step = stepOf(points);
  const width = Math.max((x(step * 2 * BAR_HALF) - x(0)) / place.count, 1);
  const bottom = y(0);
  return points
    .map(([at, value]) => {
      const left = round(x(at - step * BAR_HALF) + place.at * width);
      const top = round(y(value));
      const height = round(Math.max(bottom - top, 0));
      const size = `width="${round(width)}" height="${height}"`;
      return `<rect x="${left}" y="${top}" ${size} rx="2" fill="${COLOURS[role]}"/>`;
    })
    .join('\n');
}

interface Rule {
  readonly from: Point;
  readonly to: Point;
  readonly colour: string;
}

function rule({ from, to, colour }: Rule): string {
  const [x1, y1] = from;
  const [x2, y2] = to;
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}"/>`;
}

interface TextStyle {
  readonly x: number;
  readonly y: number;
  readonly size?: number;
  readonly fill?: string;
  readonly weight?: number;
  readonly anchor?: 'middle' | 'end';
  readonly turned?: boolean;
}

function text(style: TextStyle, content: string): string {
  const { x, y, size = 12, fill = FAINT_INK, weight, anchor, turned } = style;
  const attributes = [
    `x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"`,
    weight === undefined ? '' : ` font-weight="${weight}"`,
    anchor === undefined ? '' : ` text-anchor="${anchor}"`,
    turned === true ? ` transform="rotate(-90 ${round(x)} ${round(y)})"` : '',
  ].join('');
  return `<text ${attributes}>${escaped(content)}</text>`;
}

/** A size at which the title stays inside: a bold letter is about 0.6 of it wide. */
function fitted(title: string): number {
  return Math.min(16, Math.floor((WIDTH - 56) / (0.6 * title.length)));
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
