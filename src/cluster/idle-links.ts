/**
 * Closes links that nobody uses, and of too many the least recently used ones, by agreement with
 * the other end: see `core/links/agreement.ts`. A look every few seconds finds them.
 */
import { Agreement, type Standing } from '../core/links/agreement.ts';
import {
  decodeEconomy,
  ECONOMY_KINDS,
  type EconomyMessage,
  encodeEconomy,
  type PartingCause,
} from '../core/links/economy-messages.ts';
import {
  dispensable,
  type EconomyConfig,
  isFree,
  isFreeWhenAsked,
  type LinkState,
} from '../core/links/link-economy.ts';
import { PROPOSALS_MAX, ROOM_QUIET_MS } from '../core/links/link-limits.ts';
import type { NodeName } from '../core/names.ts';
import { unreachable } from '../core/unreachable.ts';
import type { Host } from '../host/host.ts';
import type { ControlSender } from './control-sender.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { LinkPort } from './ports.ts';

/** Between two looks there is a twelfth of the idle time, within these bounds. */
const LOOK_SHARE = 12;
const LOOK_MS: readonly [least: number, most: number] = [250, 5_000];
/** Who refused is not asked again for this share of the idle time. */
const REFUSED_SHARE = 0.25;

export interface IdleLinksOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'meter'>;
  readonly self: { readonly node: NodeName };
  readonly control: Pick<ControlSender, 'sendOver'>;
  readonly links: Pick<LinkTable, 'get' | 'all' | 'close' | 'part' | 'goOn'>;
  readonly isNeighbor: (node: NodeName) => boolean;
  /** Something on this node depends on the link to that one, or waits to be sent over it. */
  readonly isNeeded: (node: NodeName) => boolean;
  readonly config: EconomyConfig;
}

/** A link, and how far the agreement on its end has come. */
interface Watched extends LinkState {
  readonly link: Link;
}

interface Talk {
  readonly agreement: Agreement;
  cause: PartingCause;
  refusedMs: number;
}

export class IdleLinks {
  readonly #options: IdleLinksOptions;
  readonly #talks = new WeakMap<Link, Talk>();
  #look: Disposable | undefined;
  #soon: Disposable | undefined;

  constructor(options: IdleLinksOptions) {
    this.#options = options;
    const { meter } = options.host;
    for (const kind of ['neighbor', 'on-demand', 'relayed'] as const) {
      meter.gauge('barrel_links_by_kind', () => this.#count(kind), { kind });
    }
  }

  /** From now on links are looked at. */
  attach(port: Pick<LinkPort, 'read' | 'listen'>): void {
    port.read(ECONOMY_KINDS, (link, frame) => this.#onMessage(link, decodeEconomy(frame)));
    port.listen({ onLinkUp: (link) => this.#onUp(link) });
    this.#plan();
  }

  close(): void {
    this.#look?.[Symbol.dispose]();
    this.#soon?.[Symbol.dispose]();
  }

  #plan(): void {
    const { host, config } = this.#options;
    const [least, most] = LOOK_MS;
    const delayMs = Math.min(Math.max(config.idleMs / LOOK_SHARE, least), most);
    this.#look = host.timers.after(delayMs, () => {
      this.#proposeAll();
      this.#plan();
    });
  }

  /** Too many: they are looked at as soon as one of them can go. */
  #onUp(link: Link): void {
    this.#talks.get(link)?.agreement.goOn();
    if (this.#soon !== undefined) return;
    const { host, config } = this.#options;
    if (this.#count('on-demand') + this.#count('relayed') <= config.onDemandMax) return;
    this.#soon = host.timers.after(ROOM_QUIET_MS, () => {
      this.#soon = undefined;
      this.#proposeAll();
    });
  }

  #proposeAll(): void {
    const { host, config, links } = this.#options;
    const nowMs = host.clock.monotonicMs();
    const watched = [...links.all()].map((link) => this.#watched(link));
    for (const { link, cause } of dispensable(watched, nowMs, config).slice(0, PROPOSALS_MAX)) {
      const talk = this.#talk(link.link);
      talk.cause = cause;
      this.#say(link.link, talk.agreement.propose(cause, link.link.use.framesSent));
    }
  }

  #asked(link: Link): LinkState['asked'] {
    const talk = this.#talks.get(link);
    if (talk === undefined) return 'no';
    if (talk.agreement.isProposed) return 'open';
    const { nowMs, idleMs } = this.#now();
    return nowMs - talk.refusedMs < REFUSED_SHARE * idleMs ? 'refused' : 'no';
  }

  #onMessage(link: Link, message: EconomyMessage): void {
    const { agreement } = this.#talk(link);
    switch (message.kind) {
      case 'propose':
        this.#onPropose(link, message);
        break;
      case 'agree':
        this.#onAgree(link, message);
        break;
      case 'refuse':
        agreement.onRefuse(message.round);
        this.#talk(link).refusedMs = this.#options.host.clock.monotonicMs();
        break;
      case 'withdraw':
        if (agreement.onWithdraw(message.round)) this.#options.links.goOn(link);
        break;
      default:
        unreachable(message);
    }
  }

  #onPropose(link: Link, message: Extract<EconomyMessage, { kind: 'propose' }>): void {
    const { agreement } = this.#talk(link);
    const isFreeNow = isFreeWhenAsked(this.#watched(link), message.cause, this.#now());
    const answer = agreement.onPropose(message, standingOf(link, isFreeNow));
    if (answer === undefined) return;
    this.#say(link, answer);
    if (answer.kind !== 'agree') return;
    this.#countParted(message.cause);
    this.#options.links.part(link);
  }

  #onAgree(link: Link, message: Extract<EconomyMessage, { kind: 'agree' }>): void {
    const { agreement, cause } = this.#talk(link);
    const isFreeStill = isFree(this.#watched(link), cause, this.#now());
    const answer = agreement.onAgree(message, standingOf(link, isFreeStill));
    if (answer !== undefined) {
      this.#say(link, answer);
      return;
    }
    this.#countParted(cause);
    this.#options.links.close(link, 'idle');
  }

  #say(link: Link, message: EconomyMessage): void {
    this.#options.control.sendOver(link, encodeEconomy(message));
  }

  #talk(link: Link): Talk {
    const known = this.#talks.get(link);
    if (known !== undefined) return known;
    const agreement = new Agreement(this.#options.self.node < link.node);
    const talk: Talk = { agreement, cause: 'idle', refusedMs: Number.NEGATIVE_INFINITY };
    this.#talks.set(link, talk);
    return talk;
  }

  #watched(link: Link): Watched {
    const { isNeighbor, isNeeded } = this.#options;
    const { node, connection, use } = link;
    return {
      link,
      isNeighbor: isNeighbor(node),
      isNeeded: connection.queuedBytes > 0 || isNeeded(node),
      messageMs: use.messageMs,
      otherMs: use.otherMs,
      asked: this.#asked(link),
    };
  }

  #now(): { readonly nowMs: number; readonly idleMs: number } {
    const { host, config } = this.#options;
    return { nowMs: host.clock.monotonicMs(), idleMs: config.idleMs };
  }

  #countParted(cause: PartingCause): void {
    this.#options.host.meter.counter('barrel_links_parted_total', { cause }).value += 1;
  }

  #count(kind: 'neighbor' | 'on-demand' | 'relayed'): number {
    let count = 0;
    for (const link of this.#options.links.all()) if (this.#kindOf(link) === kind) count += 1;
    return count;
  }

  #kindOf({ node, isRelayed }: Link): 'neighbor' | 'on-demand' | 'relayed' {
    if (this.#options.isNeighbor(node)) return 'neighbor';
    return isRelayed ? 'relayed' : 'on-demand';
  }
}

function standingOf({ use }: Link, isFree: boolean): Standing {
  return { isFree, framesSent: use.framesSent, framesReceived: use.framesReceived };
}
