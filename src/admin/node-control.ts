/** Lets the `barrel` command on this machine ask a node and call services through it. */
import type { BarrelNode } from '../barrel-node.ts';
import { CALL_TIMEOUT_MS_DEFAULT } from '../limits.ts';
import type {
  ControlQuery,
  MemberReport,
  ServiceReport,
  StatusReport,
} from './control-protocol.ts';
import { type ControlServer, serveControl } from './control-server.ts';
import { toJson } from './json-value.ts';

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;

/**
 * Opens `<dataDir>/control.sock` for a node, so that `barrel status --data-dir <dataDir>` reaches
 * it. Close it before the node. It does not keep the process alive.
 * @throws ERR_STORE when another process listens there; ERR_OPTION when the path is too long.
 */
export async function startControl(node: BarrelNode, dataDir: string): Promise<ControlServer> {
  const startedSeconds = process.uptime();
  return serveControl({
    dataDir,
    answer: async (query, signal) => {
      switch (query.method) {
        case 'status':
          return reportStatus(node, (process.uptime() - startedSeconds) * 1000);
        case 'services':
          return reportServices(node);
        case 'call':
          return call(node, query, signal);
      }
    },
  });
}

function reportStatus(node: BarrelNode, uptimeMs: number): StatusReport {
  return {
    name: node.name,
    incarnation: node.incarnation.toString(),
    address: node.address,
    fingerprint: node.identity.fingerprint,
    processId: process.pid,
    ...node.status(),
    uptimeMs: Math.round(uptimeMs),
    activeView: node.activeView(),
    passiveView: node.passiveView(),
    members: reportMembers(node),
    metrics: node.metrics.snapshot(),
  };
}

function reportMembers(node: BarrelNode): readonly MemberReport[] {
  return node.roster().map((member) => ({
    node: member.node,
    incarnation: member.incarnation.toString(),
    status: member.status,
    addresses: member.addresses,
    fingerprint: member.fingerprint,
    version: member.version,
    zone: member.zone ?? null,
    meta: toJson(member.meta),
  }));
}

function reportServices(node: BarrelNode): readonly ServiceReport[] {
  return node.services
    .list()
    .flatMap((name) => node.services.lookup(name))
    .map((entry) => ({
      name: entry.name,
      node: entry.node,
      pid: entry.pid.toString(),
      meta: toJson(entry.meta),
    }));
}

async function call(
  node: BarrelNode,
  query: Extract<ControlQuery, { method: 'call' }>,
  signal: AbortSignal,
): Promise<unknown> {
  const { service, name, args, timeoutMs = CALL_TIMEOUT_MS_DEFAULT } = query;
  const client = node.services.client<Methods>(service, { timeoutMs, signal });
  return toJson(await client[name]?.(...args));
}
