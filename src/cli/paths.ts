/** The commands about connections of a running node: `barrel paths`, `barrel migrate`. */
import type { PathReport } from '../admin/path-queries.ts';
import { type AskSettings, ask } from './ask.ts';
import { table } from './table.ts';

export interface MigrateSettings extends AskSettings {
  readonly localHost?: string;
  readonly localPort?: number;
}

/** Prints a line for each connection, or for the one to that node. */
export async function printPaths(node: string | undefined, settings: AskSettings): Promise<void> {
  const paths = await ask(settings, (client) => client.paths(node));
  console.log(settings.json === true ? JSON.stringify(paths) : renderPaths(paths));
}

/** Moves a connection and prints its line when it has moved. */
export async function migrate(node: string, settings: MigrateSettings): Promise<void> {
  const { localHost, localPort } = settings;
  const path = await ask(settings, (client) => client.migrate({ node, localHost, localPort }));
  console.log(settings.json === true ? JSON.stringify(path) : renderPaths([path]));
}

export function renderPaths(paths: readonly PathReport[]): string {
  if (paths.length === 0) return 'no connection to another node';
  const headings = ['node', 'local', 'remote', 'rtt', 'cwnd', 'sent', 'received', 'lost', 'mtu'];
  return table(
    headings,
    paths.map((path) => [
      path.node,
      path.localAddress,
      path.remoteAddress,
      `${path.rttMs} ms`,
      bytes(path.cwndBytes),
      bytes(path.sentBytes),
      bytes(path.receivedBytes),
      String(path.lostPackets),
      String(path.mtuBytes),
    ]),
  );
}

function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  if (count < 1_048_576) return `${(count / 1_024).toFixed(1)} KiB`;
  return `${(count / 1_048_576).toFixed(1)} MiB`;
}
