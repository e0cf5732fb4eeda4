/** Opens streams to other nodes, and hands those of other nodes to the handlers of their tags. */
import type { Duplex } from 'node:stream';
import type { LinkPort } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Timed } from '../observable.ts';
import { within } from '../time-limit.ts';
import type { ByteStream } from '../transport/byte-stream.ts';
import { RESET_OVERLOADED, RESET_REFUSED } from '../transport/streams/stream-limits.ts';
import { IncomingPreambles } from './incoming-preambles.ts';
import { OpenStreams } from './open-streams.ts';
import { ACCEPTED, Opening } from './opening.ts';
import { encodePreamble, type Preamble } from './preamble.ts';
import { isGivenUp, RESET_LEAVING } from './reset-codes.ts';
import { ACCEPTED_PER_PEER_MAX, OPEN_TIMEOUT_MS_DEFAULT, TAGS_MAX } from './stream-limits.ts';
import { StreamMeters } from './stream-meters.ts';
import type { StreamHandler, Streams } from './streams.ts';
import { checkTag } from './tag.ts';
import { UserStream, type UserStreamOptions } from './user-stream.ts';

export interface NodeStreamsOptions {
  readonly host: Pick<Host, 'timers' | 'logger' | 'meter'>;
  readonly links: Pick<LinkPort, 'self' | 'connect' | 'hold' | 'listen'>;
}

export class NodeStreams implements Streams {
  readonly #options: NodeStreamsOptions;
  readonly #handlers = new Map<string, StreamHandler>();
  readonly #incoming: IncomingPreambles;
  readonly #open: OpenStreams;
  readonly #meters: StreamMeters;
  /** Aborted when the node leaves or closes; a new one follows. */
  #leaving = new AbortController();
  #isClosed = false;

  constructor(options: NodeStreamsOptions) {
    const { host, links } = options;
    this.#options = options;
    this.#open = new OpenStreams((node) => links.hold(node));
    this.#meters = new StreamMeters(host.meter, (by) => this.#open.count(by));
    this.#incoming = new IncomingPreambles({
      timers: host.timers,
      onPreamble: (stream, from, preamble) => this.#accept(stream, from, preamble),
      onRefused: (reason) => this.#meters.refused(reason),
    });
    links.listen({
      onLinkUp: ({ node, connection }) =>
        connection.streams.listen((stream) => this.#incoming.add(stream, node)),
    });
  }

  accept(tag: string, handler: StreamHandler): Disposable {
    this.#checkOpen();
    checkTag(tag);
    const known = this.#handlers.get(tag);
    if (known !== undefined && known !== handler) {
      throw new BarrelError('ERR_CONFLICT', `streams of tag ${JSON.stringify(tag)} have a handler`);
    }
    if (known === undefined && this.#handlers.size >= TAGS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${TAGS_MAX} tags have handlers`);
    }
    this.#handlers.set(tag, handler);
    return {
      [Symbol.dispose]: () => {
        if (this.#handlers.get(tag) === handler) this.#handlers.delete(tag);
      },
    };
  }

  async open(tag: string, node: NodeName, options: Timed = {}): Promise<Duplex> {
    this.#checkOpen();
    checkTag(tag);
    const { host, links } = this.#options;
    if (node === links.self.node) {
      throw new BarrelError('ERR_SELF', 'a stream to this node itself', { node });
    }
    const { timeoutMs = OPEN_TIMEOUT_MS_DEFAULT } = options;
    const leaving = this.#leaving.signal;
    const signal =
      options.signal === undefined ? leaving : AbortSignal.any([options.signal, leaving]);
    const limit = { timers: host.timers, timeoutMs, signal, what: `a stream to ${node}` };
    using _held = links.hold(node);
    return await within(limit, (abort) => this.#openOn(encodePreamble(tag), node, abort));
  }

  tags(): readonly string[] {
    return [...this.#handlers.keys()].sort();
  }

  /**
   * Ends the streams before the node says goodbye. Those whose user has ended his direction are
   * given so long to be read; others are reset.
   */
  async leave(graceMs: number): Promise<void> {
    const why = `${this.#options.links.self.node} leaves or closes`;
    const error = new BarrelError('ERR_CLOSED', why, { resetCode: RESET_LEAVING });
    this.#leaving.abort(error);
    this.#leaving = new AbortController();
    this.#incoming.close();
    await this.#open.end(error, { timers: this.#options.host.timers, graceMs });
  }

  /** As `leave`, and nothing is opened or accepted any more. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    this.#handlers.clear();
    await this.leave(graceMs);
  }

  async #openOn(preamble: Uint8Array, node: NodeName, signal: AbortSignal): Promise<UserStream> {
    const { connection } = await this.#options.links.connect(node, signal);
    signal.throwIfAborted();
    const stream = connection.streams.open();
    const opening = new Opening({ stream, node, preamble }, (rest) => {
      this.#meters.opened.value += 1;
      return this.#adopt('local', { stream, node, rest });
    });
    const onAbort = (): void => opening.cancel(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await opening.done;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #accept(stream: ByteStream, from: NodeName, { tag, rest }: Preamble): void {
    const handler = this.#handlers.get(tag);
    if (handler === undefined) {
      stream.reset(RESET_REFUSED);
      this.#meters.refused('tag');
    } else if (this.#open.count('peer', from) >= ACCEPTED_PER_PEER_MAX) {
      stream.reset(RESET_OVERLOADED);
      this.#meters.refused('overloaded');
    } else {
      const first = Uint8Array.of(ACCEPTED);
      const accepted = this.#adopt('peer', { stream, node: from, rest, first });
      this.#meters.accepted.value += 1;
      queueMicrotask(() => void this.#hand(handler, accepted, from));
    }
  }

  async #hand(handler: StreamHandler, stream: UserStream, from: NodeName): Promise<void> {
    try {
      await handler(stream, from);
    } catch (error) {
      this.#options.host.logger.error('the handler of a stream failed', { from, error });
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #adopt(
    by: 'local' | 'peer',
    parts: Pick<UserStreamOptions, 'stream' | 'node' | 'rest' | 'first'>,
  ): UserStream {
    const meters = this.#meters;
    const { node } = parts;
    const stream = new UserStream({
      ...parts,
      soon: (callback) => this.#options.host.timers.soon(callback),
      onRead: (bytes) => {
        meters.readBytes.value += bytes;
      },
      onWritten: (bytes) => {
        meters.writtenBytes.value += bytes;
      },
      onReset: (who) => meters.reset(who),
    });
    stream.on('error', (error) => this.#onError(stream, node, error));
    this.#open.add({ stream, node, by });
    return stream;
  }

  /** A peer must not end this process by resetting a stream that nobody watches. */
  #onError(stream: UserStream, node: NodeName, error: Error): void {
    if (stream.listenerCount('error') > 1 || isGivenUp(error)) return;
    this.#options.host.logger.warn('a stream has failed, and nobody listens', { node, error });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed');
  }
}
