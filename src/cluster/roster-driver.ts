/**
 * Runs the roster core and the heartbeats over the links to the neighbours: who is alive, for
 * every feature of this node.
 */

import type { NodeName } from '../core/names.ts';
import type { MemberEvent, RosterInput } from '../core/roster/contract.ts';
import type { MemberRecord } from '../core/roster/entry.ts';
import { type HeartbeatInput, HeartbeatMonitor } from '../core/roster/heartbeat.ts';
import { decodeRoster, encodeRoster, type RosterMessage } from '../core/roster/messages.ts';
import { Roster } from '../core/roster/roster.ts';
import { unreachable } from '../core/unreachable.ts';
import type { Host } from '../host/host.ts';
import { CONTROL } from '../transport/transport.ts';
import type { Link } from './link.ts';
import type { NodeRef } from './ports.ts';

const ROSTER_TICK_MS = 5_000;

export interface RosterDriverOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  readonly self: NodeRef;
  readonly heartbeatMs: number;
  readonly link: (node: NodeName) => Link | undefined;
  readonly onMember: (event: MemberEvent) => void;
  /** Others dropped what this node owns: it must be written again. */
  readonly onReassert: () => void;
}

export class RosterDriver {
  readonly roster: Roster;
  readonly #options: RosterDriverOptions;
  readonly #heartbeats: HeartbeatMonitor;
  readonly #neighbors = new Set<NodeName>();
  #isClosed = false;

  constructor(options: RosterDriverOptions) {
    this.#options = options;
    this.roster = new Roster(options.self);
    this.#heartbeats = new HeartbeatMonitor({ heartbeatMs: options.heartbeatMs });
    this.#every(options.heartbeatMs, () => this.#beat());
    this.#every(ROSTER_TICK_MS, () => this.#submit({ kind: 'tick' }));
  }

  isAlive(node: NodeName): boolean {
    return this.roster.get(node)?.status === 'alive';
  }

  announce(record: MemberRecord): void {
    this.#submit({ kind: 'announce', record });
  }

  leave(): void {
    this.#submit({ kind: 'leave' });
  }

  neighborUp(node: NodeName): void {
    this.#neighbors.add(node);
    this.#watch({ kind: 'neighborUp', node });
    this.#submit({ kind: 'neighborUp', node });
  }

  neighborDown(node: NodeName): void {
    this.#neighbors.delete(node);
    this.#watch({ kind: 'neighborDown', node });
    this.#submit({ kind: 'neighborDown', node });
  }

  /** There is evidence here that this start of the node is no more. */
  suspectDead({ node, incarnation }: NodeRef): void {
    this.#submit({ kind: 'suspectDead', node, incarnation });
  }

  /** @throws WireError when the frame is none of the roster's. */
  frame(link: Link, frame: Uint8Array): void {
    const message = decodeRoster(frame);
    switch (message.kind) {
      case 'entries':
        this.#submit({ kind: 'received', from: link.node, entries: message.entries });
        break;
      case 'ping':
        this.#watch({ kind: 'pinged', from: link.node });
        break;
      case 'pong':
        // That it came is its meaning: the connection has noted the time.
        break;
      default:
        unreachable(message);
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  #beat(): void {
    const lastHeardMs = new Map<NodeName, number>();
    for (const node of this.#neighbors) {
      const link = this.#options.link(node);
      if (link !== undefined) lastHeardMs.set(node, link.connection.lastHeardMs);
    }
    this.#watch({ kind: 'tick', lastHeardMs });
  }

  #watch(input: HeartbeatInput): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    for (const effect of this.#heartbeats.handle(input, nowMs)) {
      if (effect.kind === 'send') this.#send(effect.to, effect.message);
      else this.#onSilent(effect.node);
    }
  }

  #onSilent(node: NodeName): void {
    const link = this.#options.link(node);
    const incarnation = link?.incarnation ?? this.roster.get(node)?.incarnation;
    this.#options.host.logger.warn('a neighbour went silent', { node });
    if (incarnation !== undefined) this.suspectDead({ node, incarnation });
    link?.connection.close('lost', 'no sign of life');
  }

  #submit(input: RosterInput): void {
    if (this.#isClosed) return;
    const { host, onMember, onReassert } = this.#options;
    for (const effect of this.roster.handle(input, host.clock.monotonicMs())) {
      switch (effect.kind) {
        case 'send':
          this.#send(effect.to, { kind: 'entries', entries: effect.entries });
          break;
        case 'emit':
          onMember(effect.event);
          break;
        case 'reassert':
          onReassert();
          break;
        case 'superseded':
          host.logger.error('a later start of this node is in the cluster', { ...effect });
          break;
        case 'refused':
          host.meter.counter('barrel_roster_entries_refused_total').value += 1;
          break;
        default:
          unreachable(effect);
      }
    }
  }

  #send(to: NodeName, message: RosterMessage): void {
    this.#options.link(to)?.connection.send(CONTROL, encodeRoster(message));
  }

  #every(periodMs: number, action: () => void): void {
    this.#options.host.timers.after(periodMs, () => {
      if (this.#isClosed) return;
      action();
      this.#every(periodMs, action);
    });
  }
}
