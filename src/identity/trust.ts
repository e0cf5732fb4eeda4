/**
 * The trust table: which key each node name is bound to. The last step of admission compares and
 * stores in one serialised move, so that of two strangers who claim one fresh name only one gets
 * it; and what cannot be made durable is not admitted.
 */
import { isNodeName, type NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Clock, Host } from '../host/host.ts';
import {
  NEW_PINS_PER_MINUTE_MAX,
  PIN_SEEN_REFRESH_MS,
  PIN_UNSEEN_MS,
  PINS_MAX,
} from '../limits.ts';
import { fingerprintOf } from './fingerprint.ts';
import { PUBLIC_KEY_BYTES } from './keys.ts';
import {
  type Claim,
  isSameKey,
  judgePin,
  type Pin,
  type PinnedBy,
  type Refusal,
  refuse,
  type TrustMode,
} from './pin.ts';
import { PinStore } from './pin-store.ts';

/** One entry of `Trust.list`. */
export interface TrustedNode {
  readonly node: NodeName;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly fingerprint: string;
  readonly since: Date;
  readonly by: PinnedBy;
}

/** Which keys are trusted, for operators. Reads are local and at once. */
export interface Trust {
  mode(): TrustMode;
  /** Holds for admissions from now on; live connections stay. @throws ERR_OPTION */
  setMode(mode: TrustMode): void;
  /** All pins, sorted by name. */
  list(): readonly TrustedNode[];
  /** Raw key pinned for that node. */
  lookup(node: NodeName): Uint8Array | undefined;
  /**
   * Binds a name to a key. Durable before it resolves, where there is a data directory.
   * @throws ERR_CONFLICT when another key is pinned: unpin first; ERR_OPTION for what is no node
   * name or key; ERR_OVERLOADED when the table is full; ERR_STORE. Nothing is changed then.
   */
  pin(node: NodeName, publicKey: Uint8Array): Promise<void>;
  /** Forgets the key of that node and closes live connections to it. @throws ERR_STORE */
  unpin(node: NodeName): Promise<void>;
}

export interface TrustTableOptions {
  readonly host: Pick<Host, 'clock' | 'files' | 'logger'>;
  /** Absolute. Undefined: all pins live in memory. */
  readonly dataDir: string | undefined;
  readonly mode: TrustMode;
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
export class TrustTable implements Trust {
  readonly #host: TrustTableOptions['host'];
  readonly #onRemoved: TrustTableOptions['onRemoved'];
  readonly #store: PinStore | undefined;
  readonly #pins = new Map<NodeName, Pin>();
  readonly #newPins: PinRate;
  #mode: TrustMode;
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(options: TrustTableOptions, store: PinStore | undefined, pins: readonly Pin[]) {
    this.#host = options.host;
    this.#onRemoved = options.onRemoved;
    this.#mode = options.mode;
    this.#store = store;
    this.#newPins = new PinRate(options.host.clock);
    for (const pin of pins) this.#pins.set(pin.node, pin);
  }

  mode(): TrustMode {
    return this.#mode;
  }

  setMode(mode: TrustMode): void {
    if (mode !== 'tofu' && mode !== 'strict') {
      throw new BarrelError(
        'ERR_OPTION',
        `trust mode must be 'tofu' or 'strict', received ${mode}`,
      );
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
      const fresh = this.#newPin(node, publicKey);
      await this.#keep({ ...fresh, ...known, by: 'operator', ephemeral: false });
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
      const verdict = judgePin(pin, claim, this.#mode);
      if (verdict.kind === 'reject') return verdict;
      if (verdict.kind === 'known' && pin !== undefined) await this.#refresh(pin, claim);
      else if (verdict.kind === 'successor') await this.#succeed(node, claim);
      else return this.#pinFirst(node, claim);
      return { kind: 'accept' };
    });
  }

  /**
   * The roster says that this start of the node is dead or has left: an ephemeral key went with it.
   * Or this node left, and hears of no death any more.
   * Pins of lasting keys stay.
   */
  release(node: NodeName, incarnation: bigint): void {
    const pin = this.#pins.get(node);
    if (pin?.ephemeral === true && pin.incarnation <= incarnation) this.#pins.delete(node);
  }

  async #pinFirst(node: NodeName, claim: Claim): Promise<AdmitVerdict> {
    if (!claim.secretProven && !this.#newPins.take()) {
      return refuse('overloaded', `more than ${NEW_PINS_PER_MINUTE_MAX} new keys a minute`);
    }
    if (!(await this.#makeRoom())) return refuse('overloaded', 'the trust table is full');
    const { ephemeral, incarnation } = claim;
    await this.#keep({ ...this.#newPin(node, claim.publicKey), ephemeral, incarnation });
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
    const { ephemeral, incarnation } = claim;
    await this.#keep({ ...this.#newPin(node, claim.publicKey), ephemeral, incarnation });
  }

  /** The time of admission is kept to the day; that it cannot be written harms nobody. */
  async #refresh(pin: Pin, claim: Claim): Promise<void> {
    const isLater = claim.incarnation > pin.incarnation;
    const known = isLater ? { ...pin, incarnation: claim.incarnation } : pin;
    this.#pins.set(pin.node, known);
    const nowMs = wholeMs(this.#host.clock);
    if (nowMs - pin.seenMs < PIN_SEEN_REFRESH_MS) return;
    try {
      await this.#keep({ ...known, seenMs: nowMs });
    } catch (error) {
      this.#host.logger.warn('cannot refresh a pin', { node: pin.node, error });
    }
  }

  #newPin(node: NodeName, publicKey: Uint8Array): Pin {
    const nowMs = wholeMs(this.#host.clock);
    const copy = new Uint8Array(publicKey);
    const times = { sinceMs: nowMs, seenMs: nowMs };
    return { node, publicKey: copy, by: 'tofu', ephemeral: false, incarnation: 0n, ...times };
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
      if (pin.by === 'tofu' && pin.seenMs < (oldest?.seenMs ?? Number.POSITIVE_INFINITY)) {
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

/** So many new pins at once, and as many again within a minute. */
class PinRate {
  readonly #clock: Clock;
  #left = NEW_PINS_PER_MINUTE_MAX;
  #countedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedMs = clock.monotonicMs();
  }

  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const regained = ((nowMs - this.#countedMs) / 60_000) * NEW_PINS_PER_MINUTE_MAX;
    this.#left = Math.min(NEW_PINS_PER_MINUTE_MAX, this.#left + regained);
    this.#countedMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
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
