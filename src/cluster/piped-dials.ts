/**
 * Links through what the user has made: a hook is asked for each dial, and the pipe that it gives
 * becomes a tunnel of the transport. To everything above such a link is one as any other; the keys
 * of both ends are proven through it.
 */
import { type Address, isAddress, type NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { within } from '../time-limit.ts';
import type { DatagramPipe, DialHook } from '../transport/pipe.ts';
import type { Tunnel, Tunnels } from '../transport/transport.ts';
import { isTunnelAddress } from '../transport/tunnel/tunnel-address.ts';
import type { DialTarget, Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

/** The hook has this time to answer. */
const HOOK_TIMEOUT_MS = 5_000;
/** An ended connection has this time to say so to its other end. */
const LINGER_MS = 2_000;
/** Where pipes that others dial through come in. */
const ACCEPTED = 'accepted';

export interface PipedDialsOptions {
  readonly host: Pick<Host, 'timers' | 'logger' | 'meter'>;
  readonly links: Pick<LinkTable, 'get' | 'all' | 'dial' | 'close' | 'parted'>;
  readonly tunnels: Tunnels;
  readonly hook: DialHook | undefined;
}

interface OpenPipe {
  readonly tunnel: Tunnel;
  readonly pipe: DatagramPipe;
  /** Aborted when the pipe ends, for a dial that is under way. */
  readonly lost: AbortController;
  /** Another node dials through it: when its connection has ended there may be another one. */
  readonly isAccepted: boolean;
}

/** What is dialled, with the hook before the socket. */
export class PipedDials {
  readonly #options: PipedDialsOptions;
  readonly #open = new Map<Address, OpenPipe>();

  constructor(options: PipedDialsOptions) {
    this.#options = options;
    options.host.meter.gauge('barrel_pipes', () => this.#open.size);
  }

  get(node: NodeName): Link | undefined {
    return this.#options.links.get(node);
  }

  parted(node: NodeName): Promise<void> | undefined {
    return this.#options.links.parted(node);
  }

  /**
   * See `LinkTable.dial`.
   * @throws also ERR_UNREACHABLE with what the hook or the pipe threw as its cause.
   */
  async dial(target: DialTarget, signal?: AbortSignal): Promise<Link> {
    const { hook, links } = this.#options;
    // A circuit is a way already, and what is no address gets its error as ever.
    if (hook === undefined || isTunnelAddress(target.address) || !isAddress(target.address)) {
      return links.dial(target, signal);
    }
    const pipe = await this.#ask(hook, target, signal);
    if (pipe === undefined) return links.dial(target, signal);
    return this.#through(pipe, target, signal);
  }

  /**
   * Takes a pipe through which another node may dial this one. Disposing of the result closes it.
   * @throws ERR_OVERLOADED when there are too many; ERR_UNREACHABLE when its `attach` throws.
   */
  accept(pipe: DatagramPipe): Disposable {
    const { address } = this.#tunnel(pipe).tunnel;
    return { [Symbol.dispose]: () => this.#lose(address, 'the pipe was closed') };
  }

  /** The link that ended may have led through a pipe of a dial. */
  linkDown({ connection }: Link): void {
    this.#release(connection.remoteAddress);
  }

  close(): void {
    for (const address of [...this.#open.keys()]) this.#close(address);
  }

  async #ask(
    hook: DialHook,
    { node, address }: DialTarget,
    signal: AbortSignal | undefined,
  ): Promise<DatagramPipe | undefined> {
    const { timers } = this.#options.host;
    const what = `asking for a way to ${address}`;
    const limit = { timers, timeoutMs: HOOK_TIMEOUT_MS, signal, what };
    try {
      return await within(limit, async (ended) => {
        const pipe = await hook({ node, address, signal: ended });
        // Nobody waits any more: nothing would ever go through it.
        if (ended.aborted) pipe?.close();
        return pipe;
      });
    } catch (cause) {
      signal?.throwIfAborted();
      const message = `no way to ${address} by the dial hook`;
      throw new BarrelError('ERR_UNREACHABLE', message, { cause });
    }
  }

  async #through(pipe: DatagramPipe, target: DialTarget, signal?: AbortSignal): Promise<Link> {
    const { tunnel, lost } = this.#tunnel(pipe, target.address);
    const { address } = tunnel;
    const either = signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal]);
    try {
      const link = await this.#options.links.dial({ ...target, address }, either);
      // Another connection to the node may have come first.
      if (link.connection.remoteAddress !== address) this.#release(address);
      return link;
    } catch (error) {
      this.#release(address);
      throw error;
    }
  }

  /** @param dialled undefined for one through which others dial. */
  #tunnel(pipe: DatagramPipe, dialled?: Address): OpenPipe {
    const tunnel = this.#enter(pipe, dialled ?? ACCEPTED);
    const isAccepted = dialled === undefined;
    const open = { tunnel, pipe, isAccepted, lost: new AbortController() };
    this.#open.set(tunnel.address, open);
    try {
      pipe.attach({
        onDatagram: (datagram) => tunnel.deliver(datagram),
        onClosed: () => this.#lose(tunnel.address, 'the pipe that it led through ended'),
      });
    } catch (cause) {
      this.#close(tunnel.address);
      throw new BarrelError('ERR_UNREACHABLE', 'a pipe failed as it was attached', { cause });
    }
    return open;
  }

  #enter(pipe: DatagramPipe, entry: string): Tunnel {
    const { host, tunnels } = this.#options;
    const send = (datagram: Uint8Array): void => {
      try {
        // The pipe keeps it, and the memory of the transport is used again.
        pipe.send(datagram.slice());
      } catch (error) {
        host.logger.warn('a pipe of the dial hook failed', { error });
      }
    };
    try {
      return tunnels.open(entry, send, 'pipe');
    } catch (cause) {
      pipe.close();
      throw new BarrelError('ERR_OVERLOADED', 'too many pipes', { cause });
    }
  }

  /** Links through it end at once. */
  #lose(address: Address, why: string): void {
    const open = this.#open.get(address);
    if (open === undefined) return;
    this.#close(address);
    open.lost.abort(new BarrelError('ERR_UNREACHABLE', why));
    const link = this.#linkAt(address);
    if (link !== undefined) this.#options.links.close(link, 'lost', why);
  }

  #release(address: Address): void {
    if (this.#open.get(address)?.isAccepted !== false) return;
    this.#options.host.timers.after(LINGER_MS, () => {
      // Its link may have gone on, when its end was agreed and withdrawn.
      if (this.#linkAt(address) === undefined) this.#close(address);
    });
  }

  #linkAt(address: Address): Link | undefined {
    for (const link of this.#options.links.all()) {
      if (link.connection.remoteAddress === address) return link;
    }
    return undefined;
  }

  #close(address: Address): void {
    const open = this.#open.get(address);
    if (open === undefined) return;
    this.#open.delete(address);
    open.tunnel.close();
    try {
      open.pipe.close();
    } catch (error) {
      this.#options.host.logger.warn('a pipe of the dial hook failed to close', { error });
    }
  }
}
