/**
 * All admitted links of this node, one for each peer, and the handshakes on the way to them.
 *
 * Two nodes that dial each other at once end with one connection: while neither dial is accepted,
 * the one of the smaller name wins, and whoever waited for the other takes the winner.
 */
import type { Address, NodeName } from '../core/names.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError, type RefusalReason } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { fingerprintOf } from '../identity/fingerprint.ts';
import type { Hello } from '../identity/hello.ts';
import { isSameKey } from '../identity/pin.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import { abortable, type Settlement, settlement } from '../settlement.ts';
import type { Channel, Closure, Connection, ConnectionEvents } from '../transport/transport.ts';
import { isTunnelAddress } from '../transport/tunnel/tunnel-address.ts';
import { type Gate, Handshake, type Outcome, type Refused } from './handshake.ts';
import { type DialTarget, keyText, type Link, type LinkTableEvents } from './link.ts';

export interface LinkTableOptions {
  readonly host: Pick<Host, 'timers' | 'logger' | 'meter'>;
  readonly name: NodeName;
  readonly gate: Gate;
  /** The key that is pinned for a name, if one is. */
  readonly pinnedKey: (node: NodeName) => Uint8Array | undefined;
  readonly dial: (address: string, signal: AbortSignal | undefined) => Promise<Connection>;
  readonly events: LinkTableEvents;
}

export class LinkTable {
  readonly #options: LinkTableOptions;
  readonly #links = new Map<NodeName, Link>();
  readonly #byKey = new Map<string, Link>();
  readonly #handshakes = new Map<string, Set<Handshake>>();
  /** Who waits for a link to the holder of a key, whichever connection it comes from. */
  readonly #awaited = new Map<string, Settlement<Link>>();

  constructor(options: LinkTableOptions) {
    this.#options = options;
    options.host.meter.gauge('barrel_links', () => this.#links.size);
    options.host.meter.gauge('barrel_links_relayed', () => this.#relayed);
  }

  get(node: NodeName): Link | undefined {
    return this.#links.get(node);
  }

  all(): IterableIterator<Link> {
    return this.#links.values();
  }

  /**
   * The link to whoever answers at that address, made if there is none.
   * @throws ERR_SELF, ERR_UNREACHABLE, ERR_REFUSED with the reason, ERR_CLOSED, or the signal's
   * reason; the connection then ends, other links are unaffected.
   */
  async dial(target: DialTarget, signal?: AbortSignal): Promise<Link> {
    const connection = await this.#options.dial(target.address, signal);
    const fault = this.#keyFault(connection, target);
    if (fault !== undefined) {
      connection.close(fault.reason ?? 'closed', fault.message);
      throw fault;
    }
    const key = keyText(connection.peerKey);
    const known = this.#standing(key, target);
    const awaited = known ?? this.#await(key);
    if (known !== undefined || this.#isUnderWay(key)) connection.close('superseded');
    else this.#shake(connection, target, this.#isOtherKey(connection, target));
    const link = await abortable(Promise.resolve(awaited), signal);
    if (target.node === undefined || link.node === target.node) return link;
    throw new BarrelError('ERR_REFUSED', `${target.address} is ${link.node}, not ${target.node}`, {
      reason: 'name',
      node: target.node,
    });
  }

  /** The link to the holder of that key, unless it is to be replaced. */
  #standing(key: string, { mayReplaceRelayed }: DialTarget): Link | undefined {
    const link = this.#byKey.get(key);
    return mayReplaceRelayed !== undefined && link?.isRelayed === true ? undefined : link;
  }

  /** The holder of a link has rotated its key: it is found under the new one from now on. */
  rekey(link: Link, key: Uint8Array): void {
    if (this.#links.get(link.node) !== link || !(link instanceof AdmittedLink)) return;
    this.#forgetKey(link);
    link.key = key;
    this.#byKey.set(keyText(key), link);
  }

  /** A connection that another node opened. */
  accept(connection: Connection): void {
    this.#shake(connection, undefined);
  }

  /** Ends a link; it is gone, and `onDown` was called, when this returns. */
  close(link: Link, reason: string, detail?: string): void {
    link.connection.close(reason, detail);
    this.#onClosed(link, { reason, by: 'local' });
  }

  #shake(connection: Connection, target: DialTarget | undefined, isOtherKey = false): void {
    const key = keyText(connection.peerKey);
    const handshake: Handshake = new Handshake({
      connection,
      gate: this.#options.gate,
      dialled: target?.node,
      isOtherKey,
      isWanted: (hello) =>
        target === undefined ? this.#isWanted(key, hello) : (target.mayReplaceRelayed?.() ?? true),
      onOutcome: (outcome) => {
        this.#forget(key, handshake);
        this.#settle(key, connection, outcome);
      },
    });
    const handshakes = this.#handshakes.get(key) ?? new Set();
    this.#handshakes.set(key, handshakes.add(handshake));
  }

  #forget(key: string, handshake: Handshake): void {
    const handshakes = this.#handshakes.get(key);
    handshakes?.delete(handshake);
    if (handshakes?.size === 0) this.#handshakes.delete(key);
  }

  /** Both dialled: the dial of the smaller name goes on, the other is given up by both ends. */
  #isWanted(key: string, hello: Hello): boolean {
    const own = [...(this.#handshakes.get(key) ?? [])].filter(
      ({ connection, peerHello }) => connection.role === 'dialer' && peerHello === undefined,
    );
    if (own.length === 0) return true;
    if (this.#options.name < hello.name) return false;
    for (const handshake of own) handshake.supersede();
    return true;
  }

  /**
   * True when an own dial, or one of the peer that has said HELLO, is on its way: another one would
   * only replace its link. Of two that crossed, both HELLOs must be said for one to win.
   */
  #isUnderWay(key: string): boolean {
    const handshakes = [...(this.#handshakes.get(key) ?? [])];
    return handshakes.some(
      ({ connection, peerHello }) => connection.role === 'dialer' || peerHello !== undefined,
    );
  }

  #settle(key: string, connection: Connection, outcome: Outcome): void {
    if (outcome.kind === 'admitted') {
      this.#admit(key, connection, outcome.hello);
      return;
    }
    const { refused } = outcome;
    if (refused.reason === 'superseded') {
      // One that the peer gave up has another one on its way; so has an own one, mostly.
      if (refused.by === 'local') this.#fail(key, connection, refused);
      return;
    }
    this.#count(connection, refused);
    if (refused.by === 'peer' && refused.seenIncarnation !== undefined) {
      this.#options.events.onStale(refused.seenIncarnation);
    }
    this.#fail(key, connection, refused);
  }

  /** Nobody waits any more, unless another handshake goes on. */
  #fail(key: string, connection: Connection, refused: Refused): void {
    if (this.#handshakes.has(key)) return;
    this.#awaited.get(key)?.reject(refusalError(connection, refused));
    this.#awaited.delete(key);
  }

  #admit(key: string, connection: Connection, hello: Hello): void {
    const link = new AdmittedLink(connection, hello);
    const older = this.#links.get(link.node);
    if (older !== undefined) this.#replace(older, link);
    this.#links.set(link.node, link);
    this.#byKey.set(key, link);
    connection.attach(new LinkReader(link, this.#options.events, this.#onClosed));
    this.#options.events.onUp(link);
    this.#awaited.get(key)?.resolve(link);
    this.#awaited.delete(key);
    connection.admit();
  }

  /** The peer made a new connection, so it no longer has the old one, or it is a new start. */
  #replace(older: Link, newer: Link): void {
    older.connection.close('replaced', `by the connection of ${newer.incarnation}`);
    this.#onClosed(older, { reason: 'replaced', by: 'local' });
  }

  readonly #onClosed = (link: Link, closure: Closure): void => {
    if (this.#links.get(link.node) !== link) return;
    this.#remove(link);
    this.#options.host.logger.debug('link ended', { node: link.node, ...closure });
    this.#options.host.meter.counter('barrel_links_ended_total', {
      reason: ENDS.has(closure.reason) ? closure.reason : 'other',
    }).value += 1;
    this.#options.events.onDown(link, closure);
  };

  get #relayed(): number {
    let count = 0;
    for (const { isRelayed } of this.#links.values()) if (isRelayed) count += 1;
    return count;
  }

  #remove(link: Link): void {
    this.#links.delete(link.node);
    this.#forgetKey(link);
  }

  #forgetKey(link: Link): void {
    const key = keyText(link.key);
    if (this.#byKey.get(key) === link) this.#byKey.delete(key);
  }

  #await(key: string): Promise<Link> {
    const known = this.#awaited.get(key);
    if (known !== undefined) return known.promise;
    const awaited = settlement<Link>();
    this.#awaited.set(key, awaited);
    this.#options.host.timers.after(HANDSHAKE_TIMEOUT_MS, () => {
      if (this.#awaited.get(key) !== awaited) return;
      this.#awaited.delete(key);
      awaited.reject(new BarrelError('ERR_UNREACHABLE', 'the handshake did not end in time'));
    });
    return awaited.promise;
  }

  /** What is wrong with the key before anything is said to its holder. */
  #keyFault(connection: Connection, target: DialTarget): BarrelError | undefined {
    const { peerKey, ownKey } = connection;
    if (isSameKey(peerKey, ownKey)) {
      return new BarrelError('ERR_SELF', `${target.address} is this node itself`);
    }
    const detail = this.#mismatch(peerKey, target);
    if (detail === undefined) return undefined;
    const refused: Refused = { reason: 'key-mismatch', by: 'local', detail };
    this.#count(connection, refused);
    return refusalError(connection, refused);
  }

  #mismatch(key: Uint8Array, { node, fingerprint }: DialTarget): string | undefined {
    if (node !== undefined && this.#options.pinnedKey(node) !== undefined) return undefined;
    if (fingerprint === undefined || fingerprint === fingerprintOf(key)) return undefined;
    return `${node} has said that its key is ${fingerprint}`;
  }

  /** A pin outweighs what was said; only what the pinned key has endorsed may stand for it. */
  #isOtherKey({ peerKey }: Connection, { node }: DialTarget): boolean {
    const pinned = node === undefined ? undefined : this.#options.pinnedKey(node);
    return pinned !== undefined && !isSameKey(pinned, peerKey);
  }

  #count(connection: Connection, refused: Refused): void {
    const { logger, meter } = this.#options.host;
    const { reason, by, detail } = refused;
    meter.counter('barrel_admission_refused_total', {
      reason,
      by,
      role: connection.role,
    }).value += 1;
    logger.warn('admission refused', { reason, by, detail, remote: connection.remoteAddress });
  }
}

class AdmittedLink implements Link {
  readonly node: NodeName;
  readonly incarnation: bigint;
  readonly addresses: readonly Address[];
  readonly connection: Connection;
  readonly isRelayed: boolean;
  key: Uint8Array;

  constructor(connection: Connection, hello: Hello) {
    this.node = hello.name;
    this.incarnation = hello.incarnation;
    this.addresses = hello.addresses;
    this.connection = connection;
    this.isRelayed = isTunnelAddress(connection.remoteAddress);
    this.key = connection.peerKey;
  }
}

/** Ends that are worth a count of their own. */
const ENDS = new Set([
  'closed',
  'lost',
  'protocol',
  'replaced',
  'leaving',
  'revoked',
  'overloaded',
]);

/** Hands the frames of one link up; a peer that breaks the rules loses its link. */
class LinkReader implements ConnectionEvents {
  readonly #link: Link;
  readonly #events: LinkTableEvents;
  readonly #onEnd: (link: Link, closure: Closure) => void;

  constructor(link: Link, events: LinkTableEvents, onEnd: (link: Link, closure: Closure) => void) {
    this.#link = link;
    this.#events = events;
    this.#onEnd = onEnd;
  }

  onFrame(channel: Channel, frame: Uint8Array): void {
    try {
      this.#events.onFrame(this.#link, channel, frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#link.connection.close('protocol', error.message);
      this.#onEnd(this.#link, { reason: 'protocol', by: 'local', detail: error.message });
    }
  }

  onDrained(): void {
    this.#events.onDrained(this.#link);
  }

  onClosed(closure: Closure): void {
    this.#onEnd(this.#link, closure);
  }
}

function refusalError(connection: Connection, refused: Refused): BarrelError {
  const { reason, by, detail } = refused;
  const who = by === 'peer' ? connection.remoteAddress : 'this node';
  if (
    reason === 'lost' ||
    reason === 'closed' ||
    reason === 'protocol' ||
    reason === 'superseded'
  ) {
    const text = `no admission with ${connection.remoteAddress}: ${reason} ${detail}`.trimEnd();
    return new BarrelError('ERR_UNREACHABLE', text);
  }
  const refusal: RefusalReason = reason;
  return new BarrelError('ERR_REFUSED', `${who} refused: ${refusal}: ${detail}`, {
    reason: refusal,
  });
}
