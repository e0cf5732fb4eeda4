/**
 * Moves the links of one node, and answers peers that move. The dialer of a link moves by itself;
 * an acceptor binds its new address and asks its dialer to follow.
 */
import type { Link } from '../cluster/link.ts';
import type { LinkPort } from '../cluster/ports.ts';
import { type Address, type NodeName, splitAddress } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { isWildcard } from '../host/endpoint-text.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { abortable } from '../settlement.ts';
import { within } from '../time-limit.ts';
import type { Binding } from '../transport/transport.ts';
import { LinkMoves } from './link-moves.ts';
import { LocalHistory } from './local-history.ts';
import { MoveRequests } from './move-requests.ts';
import { PathWatch } from './path-watch.ts';
import { MIGRATE_TIMEOUT_MS } from './path-watch-limits.ts';
import type { MigrateOptions, PathStats, Paths } from './paths.ts';

export interface NodePathsOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'meter' | 'logger' | 'externalAddresses'>;
  readonly links: LinkPort;
  /** Move by itself when an address of the machine is gone, or a link is not answered. */
  readonly auto: boolean;
  /** Where the node was told to listen. */
  readonly listenHost: string;
}

export class NodePaths implements Paths {
  readonly #options: NodePathsOptions;
  readonly #moves = new LinkMoves();
  readonly #requests: MoveRequests;
  readonly #watch: PathWatch | undefined;
  readonly #history = new LocalHistory();
  readonly #counts: Record<'ok' | 'failed', Counter>;
  #isClosed = false;

  constructor(options: NodePathsOptions) {
    const { host, links, auto } = options;
    this.#options = options;
    this.#requests = new MoveRequests({ ...options, moves: this.#moves });
    const counter = (result: string): Counter =>
      host.meter.counter('barrel_migrations_total', { cause: 'asked', result });
    this.#counts = { ok: counter('ok'), failed: counter('failed') };
    if (auto)
      this.#watch = new PathWatch({ ...options, requests: this.#requests, moves: this.#moves });
    links.listen({ onLinkDown: ({ node }) => this.#history.forget(node) });
  }

  async migrate(node: NodeName, options: MigrateOptions = {}): Promise<void> {
    checkPort(options.localPort);
    const { timeoutMs = MIGRATE_TIMEOUT_MS, signal } = options;
    const { timers } = this.#options.host;
    const what = `moving the connection to ${node}`;
    try {
      await within({ timers, timeoutMs, signal, what }, (abort) =>
        this.#move(node, options, abort),
      );
      this.#counts.ok.value += 1;
    } catch (error) {
      this.#counts.failed.value += 1;
      throw error;
    }
  }

  stats(node: NodeName): PathStats | undefined {
    return this.#options.links.link(node)?.connection.path;
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.#requests.close();
  }

  async #move(node: NodeName, options: MigrateOptions, signal: AbortSignal): Promise<void> {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed');
    const link = this.#options.links.link(node);
    if (link === undefined) throw notConnected(node);
    if (!link.connection.canMigrate) {
      const why = 'it leads through other nodes, or the peer forbids it';
      throw new BarrelError('ERR_MIGRATION_DISABLED', `${node}: ${why}`, { node });
    }
    const moved = this.#moveTo(link, await this.#bind(link, options), signal);
    // Nobody may be there any more to hear of it.
    moved.catch(() => {});
    try {
      await abortable(moved, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#options.links.link(node) === link ? error : notConnected(node, error);
    }
  }

  /** Goes on when its signal aborts: what was bound is let go when no dialer can come any more. */
  async #moveTo(link: Link, bound: Binding, signal: AbortSignal): Promise<void> {
    const { role, localAddress: before } = link.connection;
    const { address: local } = bound;
    try {
      signal.throwIfAborted();
      // It may have ended meanwhile, and nobody would say so again.
      if (this.#options.links.link(link.node) !== link) throw notConnected(link.node);
      if (role === 'dialer') await this.#moves.run(link, { local }, signal);
      else await this.#requests.ask(link, [toldAs(local)]);
      this.#history.note(link.node, local);
      if (role === 'acceptor' && signal.aborted) await this.#return(link, before);
    } finally {
      bound[Symbol.dispose]();
    }
  }

  /** The dialer has come when nobody wanted it any more: it is asked back. */
  async #return(link: Link, before: Address): Promise<void> {
    const { node } = link;
    const { links, host } = this.#options;
    let old: Binding | undefined;
    try {
      old = await links.sockets.bind(splitAddress(before));
      // What comes later in the order of asking is wanted.
      if (links.link(node) !== link || this.#requests.isAsking(node)) return;
      await this.#requests.ask(link, [toldAs(before)]);
    } catch (error) {
      host.logger.info('a connection stays where it was moved too late', { node, error });
    } finally {
      old?.[Symbol.dispose]();
    }
  }

  /** A connection knows so many paths only: one that has moved often returns to where it was. */
  async #bind(link: Link, { localHost, localPort }: MigrateOptions): Promise<Binding> {
    const { localAddress } = link.connection;
    const host = localHost ?? splitAddress(localAddress).host;
    const known = localPort === undefined ? this.#history.again(link.node, host) : undefined;
    const { sockets } = this.#options.links;
    if (known === undefined || known === localAddress) {
      return sockets.bind({ host, port: localPort ?? 0 });
    }
    try {
      return await sockets.bind({ host, port: splitAddress(known).port });
    } catch {
      return sockets.bind({ host, port: 0 });
    }
  }
}

/** On all addresses of the machine: where the dialer reaches this node now, with another port. */
function toldAs(local: Address): Address {
  const { host, port } = splitAddress(local);
  return isWildcard(host.replace(/^\[|\]$/g, '')) ? `:${port}` : local;
}

function notConnected(node: NodeName, cause?: unknown): BarrelError {
  return new BarrelError('ERR_NOT_CONNECTED', `no connection to ${node}`, { node, cause });
}

function checkPort(port: number | undefined): void {
  if (port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535)) return;
  throw new BarrelError('ERR_OPTION', `\`localPort\` must be 0 to 65535, received ${port}`);
}
