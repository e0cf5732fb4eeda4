/**
 * The overlay as one running thing: transport, admission, membership, roster and table of one node,
 * tied together. Features see it through `messages` and `table`.
 */
import type { NeighborEvent } from '../core/membership/contract.ts';
import { HyParView } from '../core/membership/hyparview.ts';
import { isMembershipKind } from '../core/membership/messages.ts';
import type { PeerDescriptor } from '../core/membership/peer.ts';
import type { Address, NodeName } from '../core/names.ts';
import type { MemberEvent } from '../core/roster/contract.ts';
import type { AliveEntry, MemberRecord } from '../core/roster/entry.ts';
import { isRosterKind } from '../core/roster/messages.ts';
import { isTableKind } from '../core/table/messages.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { Host } from '../host/host.ts';
import type { AdmissionSelf } from '../identity/admission.ts';
import { isOfTheFuture } from '../identity/incarnation.ts';
import type { TrustTable } from '../identity/trust.ts';
import { settlement } from '../settlement.ts';
import {
  type Channel,
  type Closure,
  CONTROL,
  type OnConnection,
  type Transport,
} from '../transport/transport.ts';
import { AddressBook } from './address-book.ts';
import { AdmissionGate } from './admission-gate.ts';
import { ControlSender } from './control-sender.ts';
import { Dialler } from './dialler.ts';
import { Exchanges } from './exchange.ts';
import type { Link, LinkTableEvents } from './link.ts';
import { LinkTable } from './link-table.ts';
import { LostLinks } from './lost-links.ts';
import { MembershipDriver } from './membership-driver.ts';
import { OnDemandLinks } from './on-demand-links.ts';
import type { MessageLinks, NodeRef, OwnedTable } from './ports.ts';
import { RosterDriver } from './roster-driver.ts';
import { TableDriver } from './table-driver.ts';

/** The sender has sent all it knew when the receiver became its neighbour. */
const SYNCED = 48;
const SYNCED_FRAME = new Writer().uint(SYNCED).take();

export interface ClusterOptions {
  readonly host: Host;
  readonly self: AdmissionSelf;
  readonly incarnation: bigint;
  readonly ephemeral: boolean;
  readonly secretKey: Uint8Array | undefined;
  readonly trust: TrustTable;
  readonly discovery: Discovery;
  readonly membership: {
    readonly activeSize: number;
    readonly passiveSize: number;
    readonly activeWalkHops: number;
    readonly passiveWalkHops: number;
    readonly shufflePeriodMs: number;
  };
  readonly openTransport: (onConnection: OnConnection) => Promise<Transport>;
  /** Addresses to advertise, given the bound one. */
  readonly advertise: (bound: Address) => readonly Address[];
  /** What this node tells of itself in the roster. */
  readonly record: (addresses: readonly Address[]) => MemberRecord;
  readonly onNeighbor: (event: NeighborEvent) => void;
  readonly onMember: (event: MemberEvent) => void;
  /** A peer knows a later start of this node than this one. */
  readonly onStale: (seenIncarnation: bigint) => void;
}

export class Cluster implements LinkTableEvents {
  readonly self: NodeRef;
  readonly #options: ClusterOptions;
  readonly #links: LinkTable;
  readonly #dialler: Dialler;
  readonly #membership: MembershipDriver;
  readonly #roster: RosterDriver;
  readonly #table: TableDriver;
  readonly #messages: OnDemandLinks;
  readonly #exchanges: Exchanges;
  readonly #lost: LostLinks;
  readonly #synced = settlement<void>();
  readonly #transport: Transport;
  readonly #addresses: readonly Address[];
  #isClosed = false;

  private constructor(options: ClusterOptions, transport: Transport) {
    const { host, self, incarnation } = options;
    this.#options = options;
    this.#transport = transport;
    this.#addresses = options.advertise(transport.address);
    this.self = { node: self.name, incarnation };
    this.#links = new LinkTable({
      host,
      name: self.name,
      publicKey: self.publicKey,
      gate: this.#gate(),
      pinnedKey: (node) => options.trust.lookup(node),
      dial: (address, signal) => transport.dial(address, { signal }),
      events: this,
    });
    const control = new ControlSender(host, this.#links);
    const link = (node: NodeName): Link | undefined => this.#links.get(node);
    const news = (node: NodeName, frame: Uint8Array): void => this.#exchanges.news(node, frame);
    const checkIncarnation = (start: bigint): void => this.#checkIncarnation(start);
    this.#roster = new RosterDriver({
      host,
      self: this.self,
      heartbeatMs: self.heartbeatMs,
      link,
      control,
      news,
      checkIncarnation,
      onMember: (event) => this.#onMember(event),
      onSilent: (silent) => this.#links.close(silent, 'lost', 'no sign of life'),
      onReassert: () => this.#table.submit({ kind: 'reassert' }),
      onSuperseded: (start) => options.onStale(start),
    });
    const isAlive = (node: NodeName, start: bigint): boolean => this.isAlive(node, start);
    this.#table = new TableDriver({ host, self: this.self, isAlive, news, checkIncarnation });
    this.#exchanges = new Exchanges(control, () => this.#everything());
    const announced = (node: NodeName): readonly Address[] | undefined =>
      this.#roster.roster.get(node)?.record?.addresses;
    const book = new AddressBook({ announced, discovery: options.discovery });
    this.#dialler = new Dialler(this.#links, book);
    this.#membership = this.#membershipDriver(link, control);
    this.#messages = new OnDemandLinks(this.self, host, {
      link,
      connect: async (node) => void (await this.#dialler.toNode(node)),
    });
    this.#lost = new LostLinks({
      host,
      dialler: this.#dialler,
      isOfInterest: ({ node, incarnation: start }) =>
        !this.#isClosed && this.isAlive(node, start) && this.isMember(this.self.node),
      suspectDead: (node) => this.#roster.suspectDead(node),
    });
  }

  /** Binds the socket and announces this node to itself. Rejects when it cannot be bound. */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const transport = await options.openTransport((connection) =>
      cluster.#links.accept(connection),
    );
    const cluster: Cluster = new Cluster(options, transport);
    cluster.announce();
    return cluster;
  }

  get address(): Address {
    return this.#transport.address;
  }

  /** What this node advertises. */
  get addresses(): readonly Address[] {
    return this.#addresses;
  }

  get messages(): MessageLinks {
    return this.#messages;
  }

  get table(): OwnedTable {
    return this.#table;
  }

  get dialler(): Dialler {
    return this.#dialler;
  }

  get membership(): MembershipDriver {
    return this.#membership;
  }

  /** Resolves when a neighbour has sent all it knew. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  activeView(): NodeName[] {
    return this.#membership.core.activeView;
  }

  passiveView(): NodeName[] {
    return this.#membership.core.passiveView;
  }

  /** The living, this node included while it takes part. */
  alive(): readonly AliveEntry[] {
    return this.#roster.roster.alive;
  }

  isAlive(node: NodeName, incarnation: bigint): boolean {
    return this.#roster.roster.isAlive(node, incarnation);
  }

  isMember(node: NodeName): boolean {
    return this.#roster.isAlive(node);
  }

  rttMs(node: NodeName): number | undefined {
    return this.#links.get(node)?.connection.rttMs;
  }

  /** Takes part, again after `leave`; false when it does already. */
  announce(): boolean {
    if (this.#roster.isAlive(this.self.node)) return false;
    this.#roster.announce(this.#options.record(this.#addresses));
    return true;
  }

  /** Takes an announcement back that led nowhere. */
  retract(): void {
    if (this.activeView().length === 0) this.#roster.leave();
  }

  /** Says goodbye to everybody, then closes all links. */
  async leave(): Promise<void> {
    this.#roster.leave();
    await this.#membership.leave();
    this.#closeLinks('leaving');
  }

  /** Ends the links to a node whose pin was removed. */
  revoke(node: NodeName): void {
    const link = this.#links.get(node);
    if (link !== undefined) this.#links.close(link, 'revoked');
  }

  /** Frees the socket; no callback is made afterwards. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#membership.close();
    this.#roster.close();
    this.#messages.close();
    await this.#transport.close('leaving');
  }

  // What links report

  onUp(link: Link): void {
    this.#options.host.logger.debug('link up', { node: link.node, role: link.connection.role });
    this.#membership.linkUp(link);
    this.#messages.linkUp(link);
  }

  onDown(link: Link, closure: Closure): void {
    const { node, incarnation } = link;
    this.#exchanges.stop(node);
    this.#membership.linkDown(link, closure.reason);
    this.#messages.linkDown(link, closure.reason);
    if (!this.isAlive(node, incarnation)) this.#options.trust.release(node, incarnation);
    void this.#lost.lookAfter(link, closure);
  }

  onFrame(link: Link, channel: Channel, frame: Uint8Array): void {
    if (channel !== CONTROL) {
      this.#messages.frame(link, frame);
      return;
    }
    const kind = frame[0] ?? 0;
    if (isMembershipKind(kind)) this.#membership.frame(link, frame);
    else if (isRosterKind(kind)) this.#roster.frame(link, frame);
    else if (isTableKind(kind)) this.#table.frame(link, frame);
    else if (kind === SYNCED) this.#synced.resolve();
    else throw new WireError(`no control message has kind ${kind}`);
  }

  onDrained(link: Link): void {
    this.#exchanges.goOn(link.node);
    this.#messages.drained(link);
  }

  onStale(seenIncarnation: bigint): void {
    this.#options.onStale(seenIncarnation);
  }

  #onNeighbor(event: NeighborEvent): void {
    const { node } = event;
    if (event.type === 'peerUp') {
      this.#roster.neighborUp(node);
      this.#table.submit({ kind: 'neighborUp', node });
      // From here on it gets the news; what was before follows when this turn's work is done.
      this.#options.host.timers.soon(() => {
        if (this.activeView().includes(node)) this.#exchanges.start(node);
      });
    } else {
      this.#exchanges.stop(node);
      this.#roster.neighborDown(node);
      this.#table.submit({ kind: 'neighborDown', node });
    }
    this.#options.onNeighbor(event);
  }

  /** Who is alive comes first: entries of owners that are unknown are refused. */
  *#everything(): IterableIterator<Uint8Array> {
    yield* this.#roster.pages();
    yield* this.#table.pages();
    yield SYNCED_FRAME;
  }

  #checkIncarnation(incarnation: bigint): void {
    if (!isOfTheFuture(incarnation, this.#options.host.clock.wallMs())) return;
    throw new WireError('an incarnation of a time that has not come');
  }

  #onMember(event: MemberEvent): void {
    const { node, incarnation } = event;
    if (event.type === 'memberDown') {
      this.#membership.submit({ kind: 'gone', node, incarnation });
      this.#table.submit({ kind: 'ownerGone', node, incarnation });
      this.#closeSilent(event);
      // While a link proves who has the name, word of a death does not free it.
      if (this.#links.get(node) === undefined) this.#options.trust.release(node, incarnation);
    }
    this.#options.onMember(event);
  }

  /** The link to a dead node is over; one that is heard belongs to a node that will refute. */
  #closeSilent({ node, incarnation }: NodeRef): void {
    const link = this.#links.get(node);
    if (link === undefined || link.incarnation > incarnation) return;
    const silentMs = this.#options.host.clock.monotonicMs() - link.connection.lastHeardMs;
    if (silentMs > 2 * this.#options.self.heartbeatMs) {
      this.#links.close(link, 'lost', 'the node is gone');
    }
  }

  #closeLinks(reason: string): void {
    for (const link of [...this.#links.all()]) this.#links.close(link, reason);
  }

  #gate(): AdmissionGate {
    const { host, self, incarnation, ephemeral, secretKey, trust } = this.#options;
    return new AdmissionGate({
      host,
      self,
      incarnation,
      addresses: () => this.#addresses,
      ephemeral,
      secretKey,
      trust,
      seenIncarnation: (node) => this.#roster.roster.get(node)?.incarnation,
    });
  }

  #membershipDriver(
    link: (node: NodeName) => Link | undefined,
    control: ControlSender,
  ): MembershipDriver {
    const { host, membership } = this.#options;
    const self: PeerDescriptor = { ...this.self, addresses: this.#addresses, ageMs: 0 };
    return new MembershipDriver({
      host,
      core: new HyParView(self, host.random, membership),
      link,
      control,
      connect: async (peer) => void (await this.#dialler.toNode(peer.node, peer.addresses)),
      onNeighbor: (event) => this.#onNeighbor(event),
      candidates: () => this.#candidates(),
    });
  }

  #candidates(): PeerDescriptor[] {
    return this.alive()
      .filter(({ node }) => node !== this.self.node)
      .map(({ node, incarnation, record: { addresses } }) => ({
        node,
        incarnation,
        addresses,
        ageMs: 0,
      }));
  }
}
