/**
 * Runs the roster core and the heartbeats over the links to the neighbours: who is alive, for
 * every feature of this node.
 */

import type { NodeName } from '../core/names.ts';
import type { MemberEvent, RosterEffect, RosterInput } from '../core/roster/contract.ts';
import type { MemberRecord } from '../core/roster/entry.ts';
import { type HeartbeatInput, HeartbeatMonitor } from '../core/roster/heartbeat.ts';
import { decodeRoster, encodeRoster, type RosterMessage } from '../core/roster/messages.ts';
import { Roster } from '../core/roster/roster.ts';
import { unreachable } from '../core/unreachable.ts';
import type { Host } from '../host/host.ts';
import type { ControlSender } from './control-sender.ts';
import { CoreInbox } from './core-inbox.ts';
import type { Link } from './link.ts';
import type { NodeRef } from './ports.ts';

const ROSTER_TICK_MS = 5_000;

export interface RosterDriverOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  readonly self: NodeRef;
  readonly heartbeatMs: number;
  readonly link: (node: NodeName) => Link | undefined;
  readonly control: ControlSender;
  /** Sends a frame of news to a neighbour. */
  readonly news: (node: NodeName, frame: Uint8Array) => void;
  /** @throws WireError for an incarnation that no start can have by now. */
  readonly checkIncarnation: (incarnation: bigint) => void;
  readonly onMember: (event: MemberEvent) => void;
  /** A neighbour gave no sign of life for too long: its link is to be ended. */
  readonly onSilent: (link: Link) => void;
  /** Others dropped what this node owns: it must be written again. */
  readonly onReassert: () => void;
  /** A later start of this very node is in the cluster. */
  readonly onSuperseded: (incarnation: bigint) => void;
}

export class RosterDriver {
  readonly roster: Roster;
  readonly #options: RosterDriverOptions;
  readonly #heartbeats: HeartbeatMonitor;
  readonly #neighbors = new Set<NodeName>();
  readonly #inbox: CoreInbox<RosterInput>;

  constructor(options: RosterDriverOptions) {
    this.#options = options;
    this.#inbox = new CoreInbox((input) => this.#apply(input));
    this.roster = new Roster(options.self);
    this.#heartbeats = new HeartbeatMonitor({ heartbeatMs: options.heartbeatMs });
    this.#every(options.heartbeatMs, () => this.#beat());
    this.#every(ROSTER_TICK_MS, () => this.#submit({ kind: 'tick' }));
  }

  /** The frames of all that is known, for a new neighbour; read lazily. */
  *pages(): IterableIterator<Uint8Array> {
    for (const entries of this.roster.exchange()) yield encodeRoster({ kind: 'entries', entries });
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
        for (const { incarnation } of message.entries) this.#options.checkIncarnation(incarnation);
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
    this.#inbox.close();
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
    if (link !== undefined) this.#options.onSilent(link);
  }

  #submit(input: RosterInput): void {
    this.#inbox.submit(input);
  }

  #apply(input: RosterInput): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    for (const effect of this.roster.handle(input, nowMs)) this.#perform(effect);
  }

  #perform(effect: RosterEffect): void {
    const { host, news, onMember, onReassert } = this.#options;
    switch (effect.kind) {
      case 'send':
        news(effect.to, encodeRoster({ kind: 'entries', entries: effect.entries }));
        break;
      case 'emit':
        onMember(effect.event);
        break;
      case 'reassert':
        onReassert();
        break;
      case 'superseded':
        this.#options.onSuperseded(effect.incarnation);
        break;
      case 'refused':
        host.meter.counter('barrel_roster_entries_refused_total').value += 1;
        break;
      default:
        unreachable(effect);
    }
  }

  #send(to: NodeName, message: RosterMessage): void {
    this.#options.control.send(to, encodeRoster(message));
  }

  #every(periodMs: number, action: () => void): void {
    this.#options.host.timers.after(periodMs, () => {
      if (this.#inbox.isClosed) return;
      action();
      this.#every(periodMs, action);
    });
  }
}
