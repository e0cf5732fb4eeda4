/**
 * Moves links by itself. An address of the machine that is gone takes its links with it: they go to
 * one that is there, and peers that dialled this node are told. A link that was dialled here and is
 * not answered tries another way, as long as it lives: whatever happened to the old one, the answer
 * to the first datagram on the new one brings it back.
 */
import type { Link } from '../cluster/link.ts';
import type { LinkPort } from '../cluster/ports.ts';
import { type Address, type NodeName, splitAddress } from '../core/names.ts';
import { bareHost, isLoopback, isWildcard } from '../host/endpoint-text.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { within } from '../time-limit.ts';
import type { LinkMoves } from './link-moves.ts';
import type { MoveRequests } from './move-requests.ts';
import {
  CHANGED_MS,
  RESCUE_TIMEOUT_MS,
  STUCK_LOOKED_MS,
  STUCK_MOVES_MAX,
  STUCK_RTT_MS,
  UNANSWERED_MS,
  UNANSWERED_MS_CHANGED,
  WATCH_MS,
} from './path-watch-limits.ts';
import { SpareSocket } from './spare-socket.ts';

export interface PathWatchOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'meter' | 'logger' | 'externalAddresses'>;
  readonly links: LinkPort;
  readonly requests: Pick<MoveRequests, 'tell'>;
  readonly moves: Pick<LinkMoves, 'isBusy'>;
  readonly listenHost: string;
}

export class PathWatch {
  readonly #options: PathWatchOptions;
  readonly #counts: Record<'ok' | 'failed', Counter>;
  /** Links on the move, each with what ends its attempt. */
  readonly #moving = new Map<NodeName, AbortController>();
  #timer: Disposable | undefined;
  #known: readonly string[];
  #changedMs = Number.NEGATIVE_INFINITY;
  readonly #spare: SpareSocket;
  /** Links that have moved by themselves, and how often in a row because they were stuck. */
  readonly #moved = new WeakMap<Link, { readonly atMs: number; readonly stuck: number }>();
  #isChanging = false;
  #isClosed = false;

  constructor(options: PathWatchOptions) {
    const { host, links } = options;
    this.#options = options;
    this.#known = host.externalAddresses();
    this.#spare = new SpareSocket(links.sockets);
    const counter = (result: string): Counter =>
      host.meter.counter('barrel_migrations_total', { cause: 'automatic', result });
    this.#counts = { ok: counter('ok'), failed: counter('failed') };
    links.listen({ onLinkUp: () => this.#wake() });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    for (const attempt of this.#moving.values()) attempt.abort();
    this.#spare.close();
  }

  #wake(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    if (isLoopback(this.#homeHost)) return;
    this.#timer = this.#options.host.timers.after(WATCH_MS, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  #look(): void {
    const links = [...this.#options.links.all()].filter(({ isRelayed }) => !isRelayed);
    if (links.length === 0) return;
    this.#wake();
    const now = this.#options.host.externalAddresses();
    if (!isSame(now, this.#known)) void this.#onChanged(now);
    for (const link of links) if (link.connection.role === 'dialer') this.#check(link);
  }

  async #onChanged(now: readonly string[]): Promise<void> {
    if (this.#isChanging) return;
    this.#isChanging = true;
    const gone = this.#known.filter((address) => !now.includes(address));
    const { links, host } = this.#options;
    host.logger.info('addresses of this machine changed', { gone, now });
    this.#known = now;
    this.#changedMs = host.clock.monotonicMs();
    try {
      await this.#settleHome(now);
    } catch (error) {
      host.logger.warn('cannot listen on another address', { error });
    } finally {
      this.#isChanging = false;
    }
    if (this.#isClosed) return;
    const addresses = links.readvertise();
    for (const link of [...links.all()]) {
      if (link.isRelayed) continue;
      if (link.connection.role === 'acceptor') this.#options.requests.tell(link, addresses);
      else this.#check(link);
    }
  }

  /** Listens where it was told to when that is there, else on the best address that is. */
  async #settleHome(now: readonly string[]): Promise<void> {
    const home = this.#homeHost;
    const { links, listenHost } = this.#options;
    if (isWildcard(home)) return;
    if (home !== listenHost && now.includes(listenHost)) await links.sockets.rehome(listenHost);
    else if (!now.includes(home)) {
      const isAlike = (address: string): boolean => address.includes(':') === home.includes(':');
      const next = now.find(isAlike);
      if (next !== undefined) await links.sockets.rehome(next);
    }
  }

  #check(link: Link): void {
    const { connection, node } = link;
    const attempt = this.#moving.get(node);
    if (this.#isInTrouble(link)) {
      const isFree = attempt === undefined && !this.#options.moves.isBusy(node);
      if (isFree && connection.canMigrate) void this.#rescue(link);
    } else if (connection.unansweredMs === 0) attempt?.abort();
  }

  #isInTrouble(link: Link): boolean {
    const { connection } = link;
    const { clock } = this.#options.host;
    const host = bareHost(splitAddress(connection.localAddress).host);
    const isGone = !isWildcard(host) && !isLoopback(host) && !this.#known.includes(host);
    if (isGone || this.#isStuck(link)) return true;
    const hasChanged = clock.monotonicMs() - this.#changedMs < CHANGED_MS;
    return connection.unansweredMs > (hasChanged ? UNANSWERED_MS_CHANGED : UNANSWERED_MS);
  }

  #isStuck(link: Link): boolean {
    const moved = this.#moved.get(link);
    if (moved === undefined || link.connection.path.rttMs < STUCK_RTT_MS) return false;
    const isLately = this.#options.host.clock.monotonicMs() - moved.atMs < STUCK_LOOKED_MS;
    return isLately && moved.stuck < STUCK_MOVES_MAX;
  }

  #noteMoved(link: Link, isStuck: boolean): void {
    const stuck = isStuck ? (this.#moved.get(link)?.stuck ?? 0) + 1 : 0;
    this.#moved.set(link, { atMs: this.#options.host.clock.monotonicMs(), stuck });
  }

  async #rescue(link: Link): Promise<void> {
    const { timers, logger } = this.#options.host;
    const attempt = new AbortController();
    this.#moving.set(link.node, attempt);
    const what = `finding another way to ${link.node}`;
    const isStuck = this.#isStuck(link);
    try {
      const local = await this.#otherLocal(link);
      const limit = { timers, timeoutMs: RESCUE_TIMEOUT_MS, signal: attempt.signal, what };
      await within(limit, (signal) => link.connection.migrate({ local, mayFollow: true }, signal));
      this.#counts.ok.value += 1;
      this.#noteMoved(link, isStuck);
      logger.info('a link moved to another path', { node: link.node, local });
    } catch (error) {
      if (!attempt.signal.aborted) this.#counts.failed.value += 1;
      logger.debug('no other path yet', { node: link.node, error });
    } finally {
      this.#moving.delete(link.node);
    }
  }

  /** Home, or where the link is there already, the spare one on the same host. */
  async #otherLocal({ connection }: Link): Promise<Address> {
    const { address } = this.#options.links.sockets;
    if (connection.localAddress !== address) return address;
    return this.#spare.on(splitAddress(address).host);
  }

  get #homeHost(): string {
    return bareHost(splitAddress(this.#options.links.sockets.address).host);
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address));
}
