/**
 * Runs routing over links: asks and answers for features, and makes the ends of circuits into
 * tunnels of the transport, so that a link can lead through other nodes.
 */
import type { Address, NodeName } from '../core/names.ts';
import type {
  QueryResult,
  RoutingEffect,
  RoutingFacts,
  RoutingInput,
} from '../core/routing/contract.ts';
import { decodeRouting, encodeRouting, type QueryTarget } from '../core/routing/messages.ts';
import { Routing } from '../core/routing/routing.ts';
import { unreachable } from '../core/unreachable.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { CARRY_QUEUE_BYTES_MAX, LANE_COUNT, QUERY_TIME_MS_MAX } from '../limits.ts';
import { abortable, type Settlement, settlement } from '../settlement.ts';
import { type Channel, CONTROL, type Tunnel, type Tunnels } from '../transport/transport.ts';
import type { ControlSender } from './control-sender.ts';
import { CoreInbox } from './core-inbox.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { FindHow, FoundRecord, NodeRef, OverlayQueries } from './ports.ts';

/** An ended connection has this time to say so to its other end. */
const LINGER_MS = 2_000;

export interface RoutingDriverOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'meter'>;
  readonly self: NodeRef;
  readonly links: Pick<LinkTable, 'get' | 'all' | 'close'>;
  readonly control: Pick<ControlSender, 'send'>;
  readonly tunnels: Tunnels;
  readonly activeView: () => readonly NodeName[];
  /** The neighbour that is next on the way to that node. */
  readonly nextHop: (node: NodeName) => NodeName | undefined;
}

export class RoutingDriver implements OverlayQueries {
  readonly #options: RoutingDriverOptions;
  readonly #core: Routing;
  readonly #inbox: CoreInbox<RoutingInput>;
  readonly #asked = new Map<bigint, Settlement<QueryResult>>();
  readonly #tunnels = new Map<bigint, Tunnel>();
  readonly #carried: Counter;
  readonly #dropped: Counter;
  #ownService: (name: string) => Uint8Array | undefined = () => undefined;

  constructor(options: RoutingDriverOptions) {
    const { self, host } = options;
    this.#options = options;
    this.#core = new Routing(self, this.#facts());
    this.#inbox = new CoreInbox((input) => this.#apply(input));
    this.#carried = this.#counter('carried');
    this.#dropped = this.#counter('dropped');
    host.meter.gauge('barrel_routing_queries', () => this.#core.openQueries);
    host.meter.gauge('barrel_routing_circuits', () => this.#core.openCircuits);
  }

  answer(reader: (service: string) => Uint8Array | undefined): void {
    this.#ownService = reader;
  }

  async find(service: string, how: FindHow = {}): Promise<FoundRecord | undefined> {
    const { result } = await this.#ask({ kind: 'service', name: service }, how);
    if (result.kind !== 'found') return undefined;
    const { node, incarnation, value } = result.found;
    return { owner: { node, incarnation }, value };
  }

  /**
   * An address at which that node answers, over a circuit.
   * @throws ERR_UNREACHABLE, ERR_OVERLOADED, ERR_CLOSED, the signal's reason.
   */
  async open(node: NodeName, signal?: AbortSignal): Promise<Address> {
    const { id, result } = await this.#ask({ kind: 'node', name: node }, { signal });
    const tunnel = this.#tunnels.get(id);
    if (result.kind === 'reached' && tunnel !== undefined) return tunnel.address;
    throw new BarrelError('ERR_UNREACHABLE', `no way to ${node} through other nodes`, { node });
  }

  /** The connection at that address has ended, or there was none: the circuit goes, too. */
  release(address: Address): void {
    for (const [circuit, tunnel] of this.#tunnels) {
      if (tunnel.address !== address) continue;
      this.#options.host.timers.after(LINGER_MS, () => {
        // Its link may have gone on, when its end was agreed and withdrawn.
        if (!this.#isInUse(address)) this.#close(circuit);
      });
    }
  }

  #isInUse(address: Address): boolean {
    for (const { connection } of this.#options.links.all()) {
      if (connection.remoteAddress === address) return true;
    }
    return false;
  }

  linkDown(link: Link): void {
    if (link.isRelayed) this.release(link.connection.remoteAddress);
    this.#inbox.submit({ kind: 'linkDown', node: link.node });
  }

  /** Takes a frame of routing. @throws WireError */
  frame({ node }: Link, channel: Channel, frame: Uint8Array): void {
    const message = decodeRouting(frame);
    const isCarried = message.kind === 'carry';
    if (isCarried === (channel === CONTROL)) throw new WireError('on the wrong channel');
    this.#inbox.submit({ kind: 'received', from: node, message });
  }

  close(): void {
    this.#inbox.close();
    const error = new BarrelError('ERR_CLOSED', 'the node is closed');
    for (const asked of this.#asked.values()) asked.reject(error);
    this.#asked.clear();
    for (const tunnel of this.#tunnels.values()) tunnel.close();
    this.#tunnels.clear();
  }

  async #ask(
    target: QueryTarget,
    { signal, isAnew = false, timeLeftMs = QUERY_TIME_MS_MAX }: FindHow,
  ): Promise<{ readonly id: bigint; readonly result: QueryResult }> {
    signal?.throwIfAborted();
    if (this.#inbox.isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed');
    const id = this.#newId();
    const asked = settlement<QueryResult>();
    this.#asked.set(id, asked);
    this.#inbox.submit({ kind: 'find', id, target, timeLeftMs, isAnew });
    try {
      const result = await abortable(asked.promise, signal);
      if (result.kind !== 'miss' || result.why !== 'overloaded') return { id, result };
      throw new BarrelError('ERR_OVERLOADED', `too many look-ups while ${target.name} was sought`);
    } catch (error) {
      // A circuit that is here already, or comes later, has no user.
      this.#asked.delete(id);
      this.#close(id);
      throw error;
    }
  }

  #newId(): bigint {
    const bytes = this.#options.host.random.bytes(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  }

  #apply(input: RoutingInput): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    for (const effect of this.#core.handle(input, nowMs)) this.#perform(effect);
  }

  #perform(effect: RoutingEffect): void {
    const { host, control, links } = this.#options;
    switch (effect.kind) {
      case 'send':
        control.send(effect.to, encodeRouting(effect.message));
        break;
      case 'carry':
        this.#carry(effect);
        break;
      case 'opened':
        this.#open(effect);
        break;
      case 'deliver':
        this.#tunnels.get(effect.circuit)?.deliver(effect.datagram.slice());
        break;
      case 'closed':
        this.#closed(effect.circuit);
        break;
      case 'answered':
        this.#answered(effect.id, effect.result);
        break;
      case 'schedule':
        host.timers.after(effect.delayMs, () =>
          this.#inbox.submit({ kind: 'timerFired', timer: effect.timer }),
        );
        break;
      case 'protocolError':
        links.get(effect.node)?.connection.close('protocol', effect.detail);
        break;
      case 'count':
        this.#counter(effect.what).value += 1;
        break;
      default:
        unreachable(effect);
    }
  }

  /** Who sends through this node has its own repair for what is lost: nothing piles up here. */
  #carry({ to, circuit, datagram }: Extract<RoutingEffect, { kind: 'carry' }>): void {
    const link = this.#options.links.get(to);
    if (link === undefined || link.connection.queuedBytes > CARRY_QUEUE_BYTES_MAX) {
      this.#dropped.value += 1;
      return;
    }
    const lane = Number(circuit % BigInt(LANE_COUNT));
    link.send(lane + 1, encodeRouting({ kind: 'carry', circuit, datagram }));
    this.#carried.value += 1;
  }

  #open({ circuit, through }: Extract<RoutingEffect, { kind: 'opened' }>): void {
    const tunnel = this.#options.tunnels.open(through, (datagram) =>
      this.#inbox.submit({ kind: 'carry', circuit, datagram }),
    );
    this.#tunnels.set(circuit, tunnel);
  }

  #answered(id: bigint, result: QueryResult): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (asked === undefined) this.#close(id);
    else asked.resolve(result);
  }

  /** This node needs the circuit no more. */
  #close(circuit: bigint): void {
    const tunnel = this.#tunnels.get(circuit);
    if (tunnel === undefined) return;
    tunnel.close();
    this.#tunnels.delete(circuit);
    this.#inbox.submit({ kind: 'close', circuit });
  }

  /** The circuit is gone, and with it the link that led over it. */
  #closed(circuit: bigint): void {
    const tunnel = this.#tunnels.get(circuit);
    if (tunnel === undefined) return;
    tunnel.close();
    this.#tunnels.delete(circuit);
    const { links } = this.#options;
    for (const link of links.all()) {
      if (link.connection.remoteAddress !== tunnel.address) continue;
      links.close(link, 'lost', 'the way through other nodes was cut');
      return;
    }
  }

  #facts(): RoutingFacts {
    const { links, activeView, nextHop } = this.#options;
    const isDirect = (node: NodeName): boolean => {
      const link = links.get(node);
      return link !== undefined && !link.isRelayed;
    };
    return {
      neighbors: () => activeView().filter((node) => links.get(node) !== undefined),
      directLinks: () => [...links.all()].filter((link) => !link.isRelayed).map(nameOf),
      isDirect,
      nextHop,
      rttMs: (node) => links.get(node)?.connection.rttMs || undefined,
      ownService: (name) => this.#ownService(name),
    };
  }

  #counter(what: string): Counter {
    return this.#options.host.meter.counter('barrel_routing_total', { what });
  }
}

function nameOf({ node }: Link): NodeName {
  return node;
}
