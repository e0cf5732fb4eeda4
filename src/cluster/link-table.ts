/**
 * All admitted links of this node, one for each peer, and the handshakes on the way to them.
 *
 * Two nodes that dial each other at once end with one connection: while neither dial is accepted,
 * the one of the smaller name wins, and whoever waited for the other takes the winner.
 */
import type { NodeName } from '../core/names.ts';
import { BarrelError, type RefusalReason } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { fingerprintOf } from '../identity/fingerprint.ts';
import type { Hello, Reject } from '../identity/hello.ts';
import { isSameKey } from '../identity/pin.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import { abortable, type Settlement, settlement } from '../settlement.ts';
import type { Closure, Connection } from '../transport/transport.ts';
import { type Gate, Handshake, type Outcome, type Refused } from './handshake.ts';
import { AdmittedLink, type DialTarget, keyText, type Link, type LinkTableEvents } from './link.ts';
import { LinkReader } from './link-reader.ts';
import { PartedLinks } from './parted-links.ts';

export interface LinkTableOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
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
  readonly #parted: PartedLinks;

  constructor(options: LinkTableOptions) {
    this.#options = options;
    this.#parted = new PartedLinks(options.host.timers);
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

  /** A connection that another node opened; the handshake that is attached to it. */
  accept(connection: Connection): Handshake {
    return this.#shake(connection, undefined);
  }

  /**
   * This end has agreed to the end of the link, and does without it from now on; the other end
   * closes it, or goes on with it.
   */
  part(link: Link): void {
    if (this.#links.get(link.node) !== link) return;
    this.#parted.add(link);
    this.#ended(link, { reason: 'idle', by: 'peer' });
  }

  /** The other end goes on with a link that this one had parted from. */
  goOn(link: Link): void {
    if (!this.#parted.has(link)) return;
    this.#options.host.meter.counter('barrel_links_gone_on_total').value += 1;
    this.#stand(link);
    this.#options.events.onUp(link);
    this.#parted.remove(link);
  }

  /** Resolves when the fate of a parted link to that node is known; undefined without one. */
  parted(node: NodeName): Promise<void> | undefined {
    return this.#parted.outcome(node);
  }

  /** Ends the link to a node, whatever state it is in; no effect without one. */
  end(node: NodeName, reason: string): void {
    this.#parted.close(node, reason);
    const link = this.#links.get(node);
    if (link !== undefined) this.close(link, reason);
  }

  endAll(reason: string): void {
    for (const node of [...this.#parted.nodes(), ...this.#links.keys()]) this.end(node, reason);
  }

  /** Ends a link; it is gone, and `onDown` was called, when this returns. */
  close(link: Link, reason: string, detail?: string): void {
    link.connection.close(reason, detail);
    this.#onClosed(link, { reason, by: 'local' });
  }

  #shake(connection: Connection, target: DialTarget | undefined, isOtherKey = false): Handshake {
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
    return handshake;
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
    const { clock } = this.#options.host;
    const link = new AdmittedLink(hello, connection, clock);
    const older = this.#links.get(link.node);
    if (older !== undefined) this.#replace(older, link);
    this.#stand(link);
    const { host, events } = this.#options;
    const onUse = (used: Link): void => this.goOn(used);
    const onRejected = (rejected: Link, { reason, detail }: Reject): void => {
      this.#count(connection, { reason, by: 'peer', detail });
      this.close(rejected, reason, detail);
    };
    connection.attach(
      new LinkReader(link, { host, events, onEnd: this.#onClosed, onRejected, onUse }),
    );
    this.#options.events.onUp(link);
    this.#parted.close(link.node, 'replaced');
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
    if (this.#links.get(link.node) === link) this.#ended(link, closure);
    else this.#parted.remove(link);
  };

  #ended(link: Link, closure: Closure): void {
    this.#remove(link);
    this.#options.host.logger.debug('link ended', { node: link.node, ...closure });
    this.#options.host.meter.counter('barrel_links_ended_total', {
      reason: ENDS.has(closure.reason) ? closure.reason : 'other',
    }).value += 1;
    this.#options.events.onDown(link, closure);
  }

  get #relayed(): number {
    let count = 0;
    for (const { isRelayed } of this.#links.values()) if (isRelayed) count += 1;
    return count;
  }

  #stand(link: Link): void {
    this.#links.set(link.node, link);
    this.#byKey.set(keyText(link.key), link);
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

/** Ends that are worth a count of their own. */
const ENDS = new Set([
  'closed',
  'idle',
  'lost',
  'protocol',
  'replaced',
  'leaving',
  'revoked',
  'overloaded',
]);

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
