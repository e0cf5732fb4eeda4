/** What a node reports, as text for a terminal. */
import { styleText } from 'node:util';
import type { MemberReport, ServiceReport, StatusReport } from '../admin/control-protocol.ts';
import type { MapEventReport, MapReport } from '../admin/map-queries.ts';
import { jsonText } from './printable.ts';
import { columns, table } from './table.ts';

export function renderStatus(report: StatusReport): string {
  const { activeView, passiveView, members } = report;
  const name = styleText('bold', report.name);
  const head = `${name} is ${renderState(report)}, up ${duration(report.uptimeMs)}`;
  const facts = columns([
    ['address', report.address],
    ['fingerprint', report.fingerprint],
    ['incarnation', report.incarnation],
    ['process', String(report.processId)],
    ['neighbours', activeView.join(' ') || '-'],
    ['spares', passiveView.join(' ') || '-'],
  ]);
  return `${head}\n\n${facts}\n\n${renderMembers(members, new Set(activeView))}`;
}

function renderState({ state, reasons }: StatusReport): string {
  const colour = state === 'ready' ? 'green' : state === 'starting' ? 'yellow' : 'red';
  const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
  return styleText(colour, state) + why;
}

function renderMembers(members: readonly MemberReport[], neighbours: ReadonlySet<string>): string {
  const rows = members.map((member) => [
    member.node,
    member.status === 'alive' ? member.status : styleText('yellow', member.status),
    neighbours.has(member.node) ? 'neighbour' : '',
    member.version,
    member.zone ?? '-',
    member.addresses.join(' '),
  ]);
  return table(['member', 'status', 'link', 'version', 'zone', 'addresses'], rows);
}

export function renderServices(services: readonly ServiceReport[]): string {
  if (services.length === 0) return 'no service is registered';
  const rows = services.map(({ name, node, pid, meta }) => [name, node, pid, jsonText(meta)]);
  return table(['service', 'node', 'pid', 'meta'], rows);
}

export function renderMaps(maps: readonly MapReport[]): string {
  if (maps.length === 0) return 'no map is hosted';
  const rows = maps.map(({ name, entries, persist, handles }) => [
    name,
    String(entries),
    persist ? 'yes' : 'no',
    String(handles),
  ]);
  return table(['map', 'entries', 'persist', 'handles'], rows);
}

/** One line; key and value are JSON. */
export function renderMapEvent(event: MapEventReport): string {
  switch (event.type) {
    case 'put':
      return `put     ${jsonText(event.key)}  ${jsonText(event.value)}`;
    case 'remove':
      return `remove  ${jsonText(event.key)}`;
    case 'lagged':
      return `lagged  ${event.dropped} events are missing here`;
  }
}

/** Two units at most: `45 s`, `3 m 12 s`, `2 h 5 m`, `4 d 1 h`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}
