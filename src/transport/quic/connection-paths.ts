/**
 * The paths of one connection: the one in use, those under test, and those that were left.
 *
 * The library keeps what was sent on a path that was left as under way on it, and would wait for
 * ever for answers from an address that is gone. So a path that was left is led over the one in
 * use: its datagrams go where the peer is now, and it is asked a few times more, so that an answer
 * shows what got lost before.
 *
 * The library lets only the client move, and drops what a server sends from a new address. So a
 * datagram from there is taken as one from the known address, and the new one is kept in mind: it
 * is the first to be tried when the connection must move. So is one that the connection has left,
 * when the peer still speaks from there: it has not come along, or has gone back.
 */
import { BarrelError } from '../../errors.ts';
import { endpointText, isSameEndpoint } from '../../host/endpoint-text.ts';
import type { Endpoint } from '../../host/udp.ts';
import { abortable } from '../../settlement.ts';
import { MOVE_ADDRESSES_MAX, PATH_LINGER_MS, PATHS_MAX } from '../path-limits.ts';
import type { PathFacts, PathMove } from '../transport.ts';
import { isTunnelHost } from '../tunnel/tunnel-address.ts';
import type { ConnectionOwner, ConnectionStart } from './connection-owner.ts';
import { movePairs } from './move-pairs.ts';
import type { NativeConnection, NativePathStats } from './native.ts';
import { isSamePair, type PathPair, pairText } from './path-pair.ts';
import { PathProbe } from './path-probe.ts';

const RTT_SAMPLE_MS = 1_000;
/** After it was left a path is asked at once, and then again. */
const LEFT_AGAIN_MS = [250, 1_000, 3_000] as const;
/** What came before is no sign of where the peer is now. */
const HEARD_LATELY_MS = 5_000;
/** Stands for a round trip below a millisecond: the library counts whole ones. */
const RTT_MS_MIN = 0.5;

export interface PathGround {
  readonly owner: Pick<ConnectionOwner, 'host' | 'holdSocket' | 'releaseSocket' | 'countPath'>;
  /** Asks for a flush. */
  readonly wake: () => void;
}

export class ConnectionPaths {
  readonly #native: NativeConnection;
  readonly #role: 'dialer' | 'acceptor';
  readonly #ground: PathGround;
  #active: PathPair;
  /** Dialer: all that it ever tried. */
  readonly #known = new Set<string>();
  readonly #left = new Set<string>();
  #probe: PathProbe | undefined;
  #stray: Endpoint | undefined;
  /** Dialer: on a known path, but not where the peer should be. */
  #heard: { readonly from: Endpoint; readonly atMs: number } | undefined;
  #rtt = { ms: 0, atMs: Number.NEGATIVE_INFINITY };
  #isOpen = false;
  #mustLook = false;

  constructor(native: NativeConnection, start: ConnectionStart, ground: PathGround) {
    const { role, local, remote } = start;
    this.#native = native;
    this.#role = role;
    this.#ground = ground;
    this.#active = { local, remote };
    this.#known.add(pairText(this.#active));
    ground.owner.holdSocket(local);
  }

  get active(): PathPair {
    return this.#active;
  }

  get canMigrate(): boolean {
    if (!this.#isOpen || isTunnelHost(this.#active.remote.host)) return false;
    return !this.#native.stats().peerDisableActiveMigration;
  }

  get facts(): PathFacts {
    const { local, remote } = this.#active;
    const stats = this.activeStats;
    return {
      localAddress: endpointText(local),
      remoteAddress: endpointText(remote),
      rttMs: stats?.rtt ?? 0,
      cwndBytes: stats?.cwnd ?? 0,
      sentBytes: stats?.sentBytes ?? 0,
      receivedBytes: stats?.recvBytes ?? 0,
      lostPackets: stats?.lost ?? 0,
      mtuBytes: stats?.pmtu ?? 0,
    };
  }

  get activeStats(): NativePathStats | undefined {
    return this.#native.pathStats().find(({ active }) => active);
  }

  /** Smoothed; 0 before the connection is open. */
  rttMs(nowMs: number): number {
    if (this.#isOpen && nowMs - this.#rtt.atMs > RTT_SAMPLE_MS) {
      const stats = this.activeStats;
      this.#rtt = { ms: stats === undefined ? 0 : Math.max(stats.rtt, RTT_MS_MIN), atMs: nowMs };
    }
    return this.#rtt.ms;
  }

  /** Both keys are proven: addresses may change from now on. */
  open(): void {
    this.#isOpen = true;
  }

  isActive(from: Endpoint, to: Endpoint): boolean {
    return isSameEndpoint(from, this.#active.remote) && isSameEndpoint(to, this.#active.local);
  }

  /** How the library is told of a datagram that did not come over the path in use. */
  arrive(from: Endpoint, to: Endpoint): { readonly from: Endpoint; readonly to: Endpoint } {
    this.#mustLook = true;
    // It is no dead one: what goes out on it arrives.
    if (this.#left.size > 0) this.#left.delete(pairText({ local: to, remote: from }));
    if (this.#role === 'acceptor' || !this.#isOpen) return { from, to };
    const isElsewhere = !isSameEndpoint(from, this.#active.remote);
    if (this.#known.has(pairText({ local: to, remote: from }))) {
      if (isElsewhere) this.#heard = { from, atMs: this.#nowMs };
      return { from, to };
    }
    if (isElsewhere) this.#stray = from;
    return { from: this.#active.remote, to: this.#active.local };
  }

  /** The path on which a datagram of that one really goes out. */
  depart(pair: PathPair): PathPair {
    return this.#left.size > 0 && this.#left.has(pairText(pair)) ? this.#active : pair;
  }

  /** Looks at what happened to paths; true when the peer may hold more of our ids then. */
  look(): boolean {
    if (!this.#mustLook) return false;
    this.#mustLook = false;
    for (let event = this.#native.pathEventNext(); event !== null; ) {
      if (event.type === 'Validated') this.#ground.owner.countPath('validated');
      if (event.type === 'PeerMigrated') this.#follow({ local: event.old, remote: event.new });
      event = this.#native.pathEventNext();
    }
    this.#probe?.check();
    return true;
  }

  /** See `Connection.migrate`. */
  async migrate(move: PathMove, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#role === 'acceptor') throw disabled('only the end that dialled can move');
    if (!this.canMigrate) throw disabled('it leads through other nodes, or the peer forbids it');
    const stray = this.#stray ?? this.#heardLately(move);
    const pairs = movePairs(move, this.#active, stray).slice(0, MOVE_ADDRESSES_MAX);
    for (const pair of pairs) this.#learn(pair);
    this.#probe?.fail('another move began');
    const { owner, wake } = this.#ground;
    const { timers } = owner.host;
    const probe = new PathProbe({ native: this.#native, timers, wake }, pairs);
    this.#probe = probe;
    try {
      this.#take(await abortable(probe.outcome, signal));
    } finally {
      probe.stop();
      if (this.#probe === probe) this.#probe = undefined;
    }
  }

  close(): void {
    this.#isOpen = false;
    this.#probe?.fail('the connection ended');
    this.#ground.owner.releaseSocket(this.#active.local);
  }

  /** A way to try when nobody says where the peer is. */
  #heardLately({ remotes }: PathMove): Endpoint | undefined {
    if (remotes !== undefined || this.#heard === undefined) return undefined;
    return this.#nowMs - this.#heard.atMs <= HEARD_LATELY_MS ? this.#heard.from : undefined;
  }

  get #nowMs(): number {
    return this.#ground.owner.host.clock.monotonicMs();
  }

  #learn(pair: PathPair): void {
    if (this.#known.size < 2 * PATHS_MAX) this.#known.add(pairText(pair));
    // One that is under test is tested, not what is in use.
    this.#left.delete(pairText(pair));
  }

  #take(pair: PathPair): void {
    if (!this.#isOpen) throw new BarrelError('ERR_PATH_NOT_VALIDATED', 'the connection ended');
    try {
      this.#native.migrate(pair.local, pair.remote);
    } catch (cause) {
      const why = `cannot move to ${endpointText(pair.local)}`;
      throw new BarrelError('ERR_PATH_NOT_VALIDATED', why, { cause });
    }
    this.#use(pair);
    // Only a datagram that is more than a question makes the peer follow.
    this.#native.sendAckEliciting();
    this.#ground.wake();
  }

  #follow(pair: PathPair): void {
    this.#ground.owner.countPath('followed');
    this.#use(pair);
    this.#ground.wake();
  }

  #use(pair: PathPair): void {
    const old = this.#active;
    if (isSamePair(pair, old)) return;
    const { owner } = this.#ground;
    owner.holdSocket(pair.local);
    owner.host.timers.after(PATH_LINGER_MS, () => owner.releaseSocket(old.local));
    this.#active = pair;
    this.#stray = undefined;
    this.#heard = undefined;
    this.#left.delete(pairText(pair));
    this.#left.add(pairText(old));
    this.#askLeft(old);
    for (const ms of LEFT_AGAIN_MS) owner.host.timers.after(ms, () => this.#askLeftAgain(old));
  }

  #askLeft({ local, remote }: PathPair): void {
    try {
      this.#native.probePath(local, remote);
    } catch {
      // The library has forgotten it: nothing is under way there.
    }
  }

  /** A question gets lost as easily as what it is asked for. */
  #askLeftAgain(old: PathPair): void {
    if (!this.#isOpen || !this.#left.has(pairText(old))) return;
    this.#askLeft(old);
    this.#ground.wake();
  }
}

function disabled(why: string): BarrelError {
  return new BarrelError('ERR_MIGRATION_DISABLED', why);
}
