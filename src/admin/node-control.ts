/** Lets the `barrel` command on this machine ask a node and call services through it. */
import type { BarrelNode } from '../barrel-node.ts';
import { BarrelError } from '../errors.ts';
import { CALL_TIMEOUT_MS_DEFAULT } from '../limits.ts';
import {
  type ControlQuery,
  type MemberReport,
  type ServiceReport,
  STREAM_OPENED,
  type StatusReport,
} from './control-protocol.ts';
import { type ControlServer, EventStream, serveControl } from './control-server.ts';
import { sendFile } from './file-sending.ts';
import { toJson } from './json-value.ts';
import { answerLeaders } from './node-leaders.ts';
import { answerMaps } from './node-maps.ts';
import { answerPaths } from './node-paths.ts';
import { answerReminders } from './node-reminders.ts';
import { answerShards, type PlacingNode } from './node-shards.ts';
import { answerTrust } from './node-trust.ts';

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;

/** The control socket of a data directory, and the node that answers on it. */
export class NodeControl implements AsyncDisposable {
  readonly #startedSeconds = process.uptime();
  #server: ControlServer | undefined;
  #node: (BarrelNode & PlacingNode) | undefined;

  /** Use `openControl`. */
  async open(dataDir: string): Promise<void> {
    const answer = async (query: ControlQuery, signal: AbortSignal): Promise<unknown> =>
      this.#answer(query, signal);
    this.#server = await serveControl({ dataDir, answer });
  }

  /** From now on questions are answered by this node; before, they fail with ERR_CLOSED. */
  attach(node: BarrelNode & PlacingNode): void {
    this.#node = node;
  }

  /** Removes the socket and drops who is connected. The node goes on. Idempotent. */
  async close(): Promise<void> {
    await this.#server?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #answer(query: ControlQuery, signal: AbortSignal): unknown {
    const node = this.#node;
    if (node === undefined) throw new BarrelError('ERR_CLOSED', 'the node is still starting');
    switch (query.method) {
      case 'status':
        return reportStatus(node, (process.uptime() - this.#startedSeconds) * 1000);
      case 'services':
        return reportServices(node);
      case 'call':
        return call(node, query, signal);
      case 'leaders':
      case 'leaderWatch':
        return answerLeaders(node.leaders, query, signal);
      case 'place':
      case 'shards':
        return answerShards(node, query);
      case 'remindSet':
      case 'remindAfter':
      case 'remindEvery':
      case 'remindCancel':
      case 'remindRetry':
      case 'remindList':
        return answerReminders(node.reminders, query, signal);
      case 'key':
      case 'keyRotate':
      case 'trustList':
      case 'trustPin':
      case 'trustUnpin':
      case 'trustRevoke':
      case 'trustRevocations':
      case 'trustCertificate':
        return answerTrust(node, query, signal);
      case 'paths':
      case 'migrate':
        return answerPaths(node, query, signal);
      case 'fileSend':
        return new EventStream(sendFile(node.streams, query, signal));
      default:
        return answerMaps(node.maps, query, signal);
    }
  }
}

/**
 * Opens `<dataDir>/control.sock`, so that `barrel status --data-dir <dataDir>` reaches the node
 * that is attached. A node opens it first of all and closes it last: while it is open, no other
 * process can start a node with that directory. It does not keep the process alive.
 * @throws ERR_STORE when another process has the directory; ERR_OPTION when the path is too long.
 */
export async function openControl(dataDir: string): Promise<NodeControl> {
  const control = new NodeControl();
  await control.open(dataDir);
  return control;
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
  const method = node.services.client<Methods>(service, { timeoutMs, signal })[name];
  if (method === undefined) {
    throw new BarrelError('ERR_NOT_FOUND', `no service offers a method ${JSON.stringify(name)}`);
  }
  const answer = await method(...args);
  return isStream(answer) ? new EventStream(itemsOf(answer)) : toJson(answer);
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}

/** The first event says that items follow, so that an empty stream is told from a value. */
async function* itemsOf(stream: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield STREAM_OPENED;
  for await (const item of stream) yield toJson(item);
}
