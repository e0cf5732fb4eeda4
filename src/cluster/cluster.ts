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
import type { TrustTable } from '../identity/trust.ts';
import { settlement } from '../settlement.ts';
import {
  type Channel,
  CONTROL,
  type OnConnection,
  type Transport,
} from '../transport/transport.ts';
import { AddressBook } from './address-book.ts';
import { AdmissionGate } from './admission-gate.ts';
import { Dialler } from './dialler.ts';
import type { Link, LinkTableEvents } from './link.ts';
import { LinkTable } from './link-table.ts';
import { MembershipDriver } from './membership-driver.ts';
import { OnDemandLinks } from './on-demand-links.ts';
import type { MessageLinks, NodeRef, OwnedTable } from './ports.ts';
import { RosterDriver } from './roster-driver.ts';
import { TableDriver } from './table-driver.ts';

/** The sender has sent all it knew when the receiver became its neighbour. */
const SYNCED = 48;
const SYNCED_FRAME = new Writer().uint(SYNCED).take();
/** A lost neighbour that does not answer a new dial within this is dead. */
const REDIAL_TIMEOUT_MS = 1_500;

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
    const link = (node: NodeName): Link | undefined => this.#links.get(node);
    this.#roster = new RosterDriver({
      host,
      self: this.self,
      heartbeatMs: self.heartbeatMs,
      link,
      onMember: (event) => this.#onMember(event),
      onReassert: () => this.#table.submit({ kind: 'reassert' }),
    });
    const { roster } = this.#roster;
    this.#table = new TableDriver({
      host,
      self: this.self,
      isGone: (node, start) => roster.isGone(node, start),
      link,
    });
    this.#links = new LinkTable({
      host,
      name: self.name,
      publicKey: self.publicKey,
      gate: this.#gate(),
      pinnedKey: (node) => options.trust.lookup(node),
      dial: (address, signal) => transport.dial(address, { signal }),
      events: this,
    });
    const announced = (node: NodeName): readonly Address[] | undefined =>
      roster.get(node)?.record?.addresses;
    const book = new AddressBook({ announced, discovery: options.discovery });
    this.#dialler = new Dialler(this.#links, book);
    this.#membership = this.#membershipDriver(link);
    this.#messages = new OnDemandLinks(this.self, host, {
      link,
      connect: async (node) => void (await this.#dialler.toNode(node)),
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
    const entry = this.#roster.roster.get(node);
    return entry?.status === 'alive' && entry.incarnation === incarnation;
  }

  isMember(node: NodeName): boolean {
    return this.#roster.isAlive(node);
  }

  rttMs(node: NodeName): number | undefined {
    return this.#links.get(node)?.connection.rttMs;
  }

  /** Takes part again after `leave`; no effect while it does. */
  announce(): void {
    if (this.#roster.isAlive(this.self.node)) return;
    this.#roster.announce(this.#options.record(this.#addresses));
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

  onDown(link: Link, reason: string): void {
    this.#membership.linkDown(link, reason);
    this.#messages.linkDown(link, reason);
    if (reason !== 'replaced' && !this.#isClosed) void this.#lookAfter(link);
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
    this.#messages.drained(link);
  }

  onStale(seenIncarnation: bigint): void {
    this.#options.onStale(seenIncarnation);
  }

  #onNeighbor(event: NeighborEvent): void {
    if (event.type === 'peerUp') {
      this.#roster.neighborUp(event.node);
      this.#table.submit({ kind: 'neighborUp', node: event.node });
      this.#links.get(event.node)?.connection.send(CONTROL, SYNCED_FRAME);
    } else {
      this.#roster.neighborDown(event.node);
      this.#table.submit({ kind: 'neighborDown', node: event.node });
    }
    this.#options.onNeighbor(event);
  }

  #onMember(event: MemberEvent): void {
    const { node, incarnation } = event;
    if (event.type === 'memberDown') {
      this.#membership.submit({ kind: 'gone', node, incarnation });
      this.#table.submit({ kind: 'ownerGone', node, incarnation });
      this.#options.trust.release(node, incarnation);
      this.#closeSilent(event);
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

  /** A link was lost for a reason that is not the node's goodbye: does the node live? */
  async #lookAfter({ node, incarnation }: Link): Promise<void> {
    if (!this.#roster.isAlive(node) || !this.#roster.isAlive(this.self.node)) return;
    const abort = new AbortController();
    const timer = this.#options.host.timers.after(REDIAL_TIMEOUT_MS, () =>
      abort.abort(new Error('no answer to a new dial')),
    );
    try {
      await this.#dialler.toNode(node, [], abort.signal);
    } catch (error) {
      this.#options.host.logger.info('a lost node does not answer', { node, error });
      this.#roster.suspectDead({ node, incarnation });
    } finally {
      timer[Symbol.dispose]();
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

  #membershipDriver(link: (node: NodeName) => Link | undefined): MembershipDriver {
    const { host, membership } = this.#options;
    const self: PeerDescriptor = { ...this.self, addresses: this.#addresses, ageMs: 0 };
    return new MembershipDriver({
      host,
      core: new HyParView(self, host.random, membership),
      link,
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
