/**
 * The trust table: which key each node name is bound to. The last step of admission compares and
 * stores in one serialised move, so that of two strangers who claim one fresh name only one gets
 * it; and what cannot be made durable is not admitted.
 */
import { TokenBucket } from '../core/membership/token-bucket.ts';
import { isNodeName, type NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Clock, Host } from '../host/host.ts';
import {
  NEW_PINS_PER_MINUTE_MAX,
  PIN_SEEN_REFRESH_MS,
  PIN_UNSEEN_MS,
  PINS_MAX,
} from '../limits.ts';
import type { Authority, CertifiedClaim } from './authority.ts';
import { keysBefore, type Succession } from './endorsement.ts';
import { fingerprintOf } from './fingerprint.ts';
import { PUBLIC_KEY_BYTES } from './keys.ts';
import type { Grounds } from './node-certificate.ts';
import {
  type Claim,
  endorsedBy,
  FORKED,
  isAsWellKnown,
  isFork,
  isSameKey,
  judgePin,
  lengthened,
  lineOf,
  originOf,
  type Pin,
  type PinMode,
  type Refusal,
  refreshed,
  refuse,
  type TrustMode,
} from './pin.ts';
import { PinStore } from './pin-store.ts';
import { type FollowVerdict, judgeRotation, type RotationClaim } from './rotation-claim.ts';
import type { PinnedKeys, TrustedNode } from './trust-contract.ts';

export interface TrustTableOptions {
  readonly host: Pick<Host, 'clock' | 'files' | 'logger'>;
  /** Absolute. Undefined: all pins live in memory. */
  readonly dataDir: string | undefined;
  readonly mode: TrustMode;
  /** Undefined where no operator's key is known. */
  readonly authority?: Authority | undefined;
  /** Told after a pin was removed or replaced: live connections under that key have to end. */
  readonly onRemoved: (node: NodeName, publicKey: Uint8Array) => void;
}

export type AdmitVerdict = { readonly kind: 'accept' } | Refusal;

/** Loads the pins. @throws ERR_STORE, ERR_IDENTITY */
export async function openTrustTable(options: TrustTableOptions): Promise<TrustTable> {
  const { host, dataDir } = options;
  if (dataDir === undefined) return new TrustTable(options, undefined, []);
  const store = new PinStore({ files: host.files, logger: host.logger, dataDir });
  return new TrustTable(options, store, await store.load());
}

/** Made by `openTrustTable`. Changes happen one after the other, in the order of the calls. */
export class TrustTable implements PinnedKeys {
  readonly #host: TrustTableOptions['host'];
  readonly #onRemoved: TrustTableOptions['onRemoved'];
  readonly #store: PinStore | undefined;
  readonly #pins = new Map<NodeName, Pin>();
  readonly authority: Authority | undefined;
  /** So many new pins at once, and as many again within a minute. */
  readonly #newPins: TokenBucket;
  #mode: TrustMode;
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(options: TrustTableOptions, store: PinStore | undefined, pins: readonly Pin[]) {
    this.#host = options.host;
    this.#onRemoved = options.onRemoved;
    this.#mode = options.mode;
    this.authority = options.authority;
    this.#store = store;
    const nowMs = options.host.clock.monotonicMs();
    this.#newPins = new TokenBucket(NEW_PINS_PER_MINUTE_MAX, NEW_PINS_PER_MINUTE_MAX / 60, nowMs);
    for (const pin of pins) this.#pins.set(pin.node, pin);
  }

  mode(): TrustMode {
    return this.#mode;
  }

  setMode(mode: TrustMode): void {
    if (mode !== 'tofu' && mode !== 'strict' && mode !== 'authority') {
      const rule = "trust mode must be 'tofu', 'strict' or 'authority'";
      throw new BarrelError('ERR_OPTION', `${rule}, received ${mode}`);
    }
    if (mode === 'authority' && this.authority === undefined) {
      throw new BarrelError('ERR_OPTION', "trust mode 'authority' needs the option `authority`");
    }
    this.#mode = mode;
  }

  list(): readonly TrustedNode[] {
    return [...this.#pins.values()]
      .sort((a, b) => (a.node < b.node ? -1 : 1))
      .map(({ node, publicKey, by, sinceMs }) => ({
        node,
        publicKey: new Uint8Array(publicKey),
        fingerprint: fingerprintOf(publicKey),
        since: new Date(sinceMs),
        by,
      }));
  }

  lookup(node: NodeName): Uint8Array | undefined {
    const pin = this.#pins.get(node);
    return pin === undefined ? undefined : new Uint8Array(pin.publicKey);
  }

  /** The key that whoever answers for that node must prove; undefined where any may be right. */
  expectedKey(node: NodeName): Uint8Array | undefined {
    if (this.#mode !== 'authority') return this.#pins.get(node)?.publicKey;
    return undefined;
  }

  /** The pin itself, for judging a HELLO before `admit`. */
  pinOf(node: NodeName): Pin | undefined {
    return this.#pins.get(node);
  }

  pin(node: NodeName, publicKey: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      checkPin(node, publicKey);
      const known = this.#pins.get(node);
      if (known !== undefined && !isSameKey(known.publicKey, publicKey)) {
        throw new BarrelError('ERR_CONFLICT', `another key is pinned for ${node}`, { node });
      }
      if (known?.by === 'operator') return;
      if (known === undefined && !(await this.#makeRoom())) {
        throw new BarrelError('ERR_OVERLOADED', `${PINS_MAX} keys are pinned already`, { node });
      }
      const pin = { ...this.#newPin(node, publicKey), ...known, ephemeral: false };
      const rotation = pin.rotation && { ...pin.rotation, origin: 'operator' as const };
      await this.#keep({ ...pin, by: 'operator', rotation });
    });
  }

  unpin(node: NodeName): Promise<void> {
    return this.#inTurn(() => this.#drop(node));
  }

  /**
   * The last step of admission: holds the claim against the pin and pins a new key, durably before
   * it resolves.
   * @throws ERR_STORE when a pin cannot be written; the node must not be admitted then.
   */
  admit(node: NodeName, claim: Claim): Promise<AdmitVerdict> {
    return this.#inTurn(async () => {
      const pin = this.#pins.get(node);
      const verdict = judgePin(pin, claim, this.#pinMode);
      if (verdict.kind === 'reject') return verdict;
      const known = pin && refreshed(pin, claim, this.#groundsOf(node, claim));
      if (verdict.kind === 'known' && known !== undefined) await this.#refresh(known);
      else if (verdict.kind === 'endorsed' && known !== undefined)
        await this.#follow(known, claim, verdict.succession);
      else if (verdict.kind === 'successor') await this.#succeed(node, claim);
      else return this.#pinFirst(node, claim);
      return { kind: 'accept' };
    });
  }

  /** The node has a connection now: its pin is none that was not seen for long. */
  noteSeen(node: NodeName): Promise<void> {
    return this.#inTurn(async () => {
      const pin = this.#pins.get(node);
      if (pin !== undefined) await this.#refresh(pin);
    });
  }

  /** As `admit` where certificates count: nothing is pinned, the name is bound while it lives. */
  admitCertified(claim: CertifiedClaim): AdmitVerdict {
    const verdict = this.authority?.judge(claim, this.#host.clock.wallMs());
    if (verdict === undefined) return refuse('certificate', 'no authority is known here');
    if (verdict.kind === 'reject') return verdict;
    const { name } = claim.owner;
    const before = this.authority?.binding(name)?.publicKey;
    if (this.authority?.bind(claim, verdict.certified) !== true) {
      return refuse('overloaded', 'too many names are bound');
    }
    if (verdict.kind === 'successor' && before !== undefined) this.#onRemoved(name, before);
    return { kind: 'accept' };
  }

  /**
   * A node with a live connection has rotated its key: what is known of it follows, durably before
   * it resolves.
   * @throws ERR_STORE
   */
  follow(node: NodeName, rotation: RotationClaim): Promise<FollowVerdict> {
    return this.#inTurn(async () => {
      const verdict = judgeRotation(node, rotation);
      if (verdict.kind === 'reject') return verdict;
      const { publicKey, keys } = verdict;
      if (this.authority?.mayRebind(node, keys.length) === false) {
        return refuse('key-mismatch', 'too many rotations under one certificate');
      }
      const claim = { ...rotation, publicKey };
      const pin = this.#pins.get(node);
      if (pin !== undefined && isFork(pin, claim)) return refuse('key-mismatch', FORKED);
      if (pin !== undefined && !isSameKey(pin.publicKey, publicKey)) {
        const succession = endorsedBy(pin, claim);
        if (succession !== undefined) await this.#follow(pin, claim, succession);
        // Where certificates count, an old pin does not.
        else if (this.#mode !== 'authority') return refuse('key-mismatch', 'not endorsed');
      }
      this.authority?.rebind(node, publicKey, keys);
      return verdict;
    });
  }

  /** True when the operator has revoked that key, one that led to it, or its certificate. */
  isRevoked(node: NodeName, publicKey: Uint8Array): boolean {
    const { authority } = this;
    if (authority === undefined) return false;
    const pin = this.#pins.get(node);
    const line = lineOf(pin, [publicKey]);
    const remembered = line.length === 0 ? undefined : pin?.certified;
    const certified = authority.binding(node)?.certified ?? remembered;
    const keys = [publicKey, ...line, ...(certified?.keys ?? [])];
    return authority.isRevoked({ keys, serials: certified?.serials ?? [] });
  }

  /** True when certificates count and that of the node has run out. */
  isExpired(node: NodeName): boolean {
    if (this.#mode !== 'authority') return false;
    const bound = this.authority?.binding(node)?.certified;
    return bound !== undefined && bound.notAfterMs < this.#host.clock.wallMs();
  }

  /**
   * The roster says that this start of the node is dead or has left: an ephemeral key went with it.
   * Or this node left, and hears of no death any more.
   * Pins of lasting keys stay.
   */
  release(node: NodeName, incarnation: bigint): void {
    this.authority?.release(node, incarnation);
    const pin = this.#pins.get(node);
    if (pin?.ephemeral === true && pin.incarnation <= incarnation) this.#pins.delete(node);
  }

  async #pinFirst(node: NodeName, claim: Claim): Promise<AdmitVerdict> {
    if (!claim.secretProven && !this.#newPins.take(this.#host.clock.monotonicMs())) {
      return refuse('overloaded', `more than ${NEW_PINS_PER_MINUTE_MAX} new keys a minute`);
    }
    if (!(await this.#makeRoom())) return refuse('overloaded', 'the trust table is full');
    const { ephemeral } = claim;
    await this.#keep(this.#firstPin(node, claim));
    this.#host.logger.info('pinned the key of a new node', {
      node,
      fingerprint: fingerprintOf(claim.publicKey),
      ephemeral,
    });
    return { kind: 'accept' };
  }

  /** An ephemeral key takes the place of one whose node was started again. */
  async #succeed(node: NodeName, claim: Claim): Promise<void> {
    await this.#drop(node);
    await this.#keep(this.#firstPin(node, claim));
  }

  #firstPin(node: NodeName, claim: Claim): Pin {
    const { publicKey, ephemeral, incarnation, endorsements, cluster } = claim;
    const formerKeys = keysBefore(publicKey, endorsements, { cluster, name: node });
    const certified = this.#groundsOf(node, claim);
    return { ...this.#newPin(node, publicKey), ephemeral, incarnation, formerKeys, certified };
  }

  #groundsOf(node: NodeName, claim: Claim): Grounds | undefined {
    const { publicKey, endorsements, certificate, cluster } = claim;
    const shown = { publicKey, endorsements, certificate, owner: { cluster, name: node } };
    return this.authority?.groundsOf(shown, this.#host.clock.wallMs());
  }

  /** Who pinned the first key of the line still decides how long it is kept. */
  async #follow(
    pin: Pin,
    { publicKey, incarnation = pin.incarnation }: Pick<Claim, 'publicKey'> & Partial<Claim>,
    succession: Succession,
  ): Promise<void> {
    const { sinceMs } = this.#newPin(pin.node, publicKey);
    const { seq, previousKey, keys } = succession;
    const rotation = { seq, previousKey, origin: originOf(pin) };
    const key = new Uint8Array(publicKey);
    const times = { sinceMs, seenMs: sinceMs };
    await this.#keep({
      ...pin,
      publicKey: key,
      by: 'endorsement',
      incarnation,
      ...times,
      rotation,
      formerKeys: lengthened(keys, pin.formerKeys),
    });
    this.#host.logger.info('followed a node to its new key', {
      node: pin.node,
      fingerprint: fingerprintOf(key),
      seq,
    });
  }

  get #pinMode(): PinMode {
    return this.#mode === 'tofu' ? 'tofu' : 'strict';
  }

  /** The time of admission is kept to the day; that it cannot be written harms nobody. */
  async #refresh(known: Pin): Promise<void> {
    const { node, seenMs } = known;
    const isOld = isAsWellKnown(this.#pins.get(node), known);
    this.#pins.set(node, known);
    const nowMs = wholeMs(this.#host.clock);
    if (isOld && nowMs - seenMs < PIN_SEEN_REFRESH_MS) return;
    const seen = { ...known, seenMs: nowMs };
    this.#pins.set(node, seen);
    try {
      await this.#keep(seen);
    } catch (error) {
      this.#host.logger.warn('cannot refresh a pin', { node, error });
    }
  }

  #newPin(node: NodeName, publicKey: Uint8Array): Pin {
    const nowMs = wholeMs(this.#host.clock);
    const copy = new Uint8Array(publicKey);
    const times = { sinceMs: nowMs, seenMs: nowMs };
    const plain = { ephemeral: false, incarnation: 0n, formerKeys: [] };
    return { node, publicKey: copy, by: 'tofu', ...plain, ...times };
  }

  async #keep(pin: Pin): Promise<void> {
    if (!pin.ephemeral) await this.#store?.write(pin);
    this.#pins.set(pin.node, pin);
  }

  async #drop(node: NodeName): Promise<void> {
    const pin = this.#pins.get(node);
    if (pin === undefined) return;
    if (!pin.ephemeral) await this.#store?.remove(node);
    this.#pins.delete(node);
    this.#onRemoved(node, pin.publicKey);
  }

  /** At the cap the tofu pin that was not seen for longest goes, if that is longer than 30 days. */
  async #makeRoom(): Promise<boolean> {
    if (this.#pins.size < PINS_MAX) return true;
    let oldest: Pin | undefined;
    for (const pin of this.#pins.values()) {
      if (originOf(pin) === 'tofu' && pin.seenMs < (oldest?.seenMs ?? Number.POSITIVE_INFINITY)) {
        oldest = pin;
      }
    }
    const unseenMs = wholeMs(this.#host.clock) - (oldest?.seenMs ?? Number.POSITIVE_INFINITY);
    if (oldest === undefined || unseenMs < PIN_UNSEEN_MS) return false;
    await this.#drop(oldest.node);
    return true;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#lastChange.then(change);
    this.#lastChange = result.catch(() => {
      // The caller of this change gets its error; the next change starts all the same.
    });
    return result;
  }
}

function checkPin(node: NodeName, publicKey: Uint8Array): void {
  if (!isNodeName(node)) {
    throw new BarrelError('ERR_OPTION', `not a node name: ${JSON.stringify(node)}`);
  }
  if (!(publicKey instanceof Uint8Array) || publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new BarrelError('ERR_OPTION', `a key has ${PUBLIC_KEY_BYTES} bytes, raw`, { node });
  }
}

function wholeMs(clock: Clock): number {
  return Math.max(0, Math.trunc(clock.wallMs()));
}
