/**
 * The overlay as one running thing: transport, admission, membership, roster and stores of a node,
 * tied together. Features see it through `messages`, `broadcasts`, `stores` and `table`.
 */
import type { LinkFacts } from '../core/link-facts.ts';
import type { NeighborEvent } from '../core/membership/contract.ts';
import type { PeerDescriptor } from '../core/membership/peer.ts';
import type { Address, NodeName } from '../core/names.ts';
import type { MemberEvent } from '../core/roster/contract.ts';
import { type LivingEntry, livingRecord, type RosterEntry } from '../core/roster/entry.ts';
import { isRoutingKind } from '../core/routing/messages.ts';
import { EXCHANGE } from '../core/store/exchange/exchange-codec.ts';
import { settlement } from '../settlement.ts';
import type { DatagramPipe } from '../transport/pipe.ts';
import { type Channel, type Closure, CONTROL, type Transport } from '../transport/transport.ts';
import { AdmissionGate } from './admission-gate.ts';
import { TaggedBroadcasts } from './broadcasts.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { type ClusterRoutes, clusterRoutes } from './cluster-routes.ts';
import { clusterStores, openReplicas, openTables } from './cluster-stores.ts';
import { ControlSender } from './control-sender.ts';
import type { Dialler } from './dialler.ts';
import { EarlyConnections } from './early-connections.ts';
import { ElectionGround } from './election-ground.ts';
import { meterGossip } from './gossip-metrics.ts';
import type { Link, LinkTableEvents } from './link.ts';
import { LinkGround } from './link-ground.ts';
import { LinkTable } from './link-table.ts';
import { OnDemandLinks } from './on-demand-links.ts';
import type { OverlayDriver } from './overlay-driver.ts';
import { overlayDriver } from './overlay-parts.ts';
import { PagedRoster } from './paged-roster.ts';
import type { LinkPort, NodeRef, OverlayQueries, OwnedTable, ShardPorts } from './ports.ts';
import { rosterPages, SYNCED } from './roster-pages.ts';
import { ShardGround } from './shard-ground.ts';
import type { StoreDriver } from './store-driver.ts';

export class Cluster implements LinkTableEvents {
  readonly self: NodeRef;
  readonly overlay: OverlayDriver;
  readonly stores: StoreDriver;
  /** Of services. */
  readonly table: OwnedTable;
  readonly #options: ClusterOptions;
  readonly #links: LinkTable;
  readonly #routes: ClusterRoutes;
  readonly elections: ElectionGround;
  readonly #shards: ShardGround;
  readonly broadcasts: TaggedBroadcasts;
  readonly messages: OnDemandLinks;
  readonly #linkGround: LinkGround;
  readonly #pagedRoster: PagedRoster;
  readonly #synced = settlement<void>();
  readonly #transport: Transport;
  readonly #early: EarlyConnections;
  #addresses: readonly Address[];
  #isOnTrial = false;
  #isClosed = false;

  private constructor(options: ClusterOptions, transport: Transport, early: EarlyConnections) {
    const { host, self, incarnation } = options;
    this.#options = options;
    this.#transport = transport;
    this.#early = early;
    this.#addresses = options.advertise(transport.address);
    this.self = { node: self.name, incarnation };
    this.#links = new LinkTable({
      host,
      name: self.name,
      gate: this.#gate(),
      pinnedKey: (node) => options.trust.expectedKey(node),
      dial: (address, signal) => transport.dial(address, { signal }),
      events: this,
    });
    const control = new ControlSender(host, this.#links);
    this.#routes = clusterRoutes({
      ...options,
      self: this.self,
      links: this.#links,
      control,
      tunnels: transport.tunnels,
      overlay: () => this.overlay,
      messages: () => this.messages,
    });
    this.broadcasts = new TaggedBroadcasts((tag, bytes) => this.overlay.broadcast(tag, bytes));
    this.overlay = this.#overlay(control);
    meterGossip(host.meter, this.overlay.core.gossip);
    this.stores = clusterStores({
      ...options,
      self: this.self,
      cluster: self.cluster,
      broadcasts: this.broadcasts,
      control,
      links: this.#links,
      dialler: this.#routes.dialler,
      onExchanged: () => {
        this.#synced.resolve();
        this.elections.exchanged();
        this.#shards.exchanged();
      },
    });
    const { services, candidates } = openTables(this.self, this.stores);
    this.table = services;
    const [overlay, { reaching }] = [this.overlay.core, this.#routes];
    const ground = { self: this.self, candidates, control, reaching, overlay };
    this.elections = new ElectionGround(ground);
    this.#shards = new ShardGround(this.self, overlay.roster, { reaching, links: this.#links });
    this.#pagedRoster = new PagedRoster(control);
    this.#linkGround = new LinkGround({
      self: this.self,
      links: this.#links,
      control,
      dialler: this.#routes.dialler,
      messages: () => this.messages,
      sockets: transport,
      readvertise: () => this.#readvertise(),
    });
    this.#routes.idle.attach(this.#linkGround);
    this.messages = new OnDemandLinks(this.self, host, {
      link: (node) => this.#links.get(node),
      connect: async (node) => void (await this.#routes.dialler.toNode(node)),
    });
  }

  /** Binds the socket and announces this node to itself. Rejects when it cannot be bound. */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const early = new EarlyConnections((connection) => cluster.#links.accept(connection));
    const transport = await options.openTransport(early.take);
    const cluster: Cluster = new Cluster(options, transport, early);
    await openReplicas(cluster.stores, () => cluster.close());
    cluster.confirm();
    return cluster;
  }

  /** All features read what comes: peers are let in, and those of an earlier start are dialled. */
  begin(known: readonly PeerDescriptor[] = []): void {
    this.#early.letIn();
    if (known.length > 0) this.overlay.submit({ kind: 'known', peers: known });
  }

  get address(): Address {
    return this.#transport.address;
  }

  /** What this node advertises. */
  get addresses(): readonly Address[] {
    return this.#addresses;
  }

  get links(): LinkPort {
    return this.#linkGround;
  }

  /** Takes a pipe of the user's through which another node may dial this one. */
  acceptPipe(pipe: DatagramPipe): Disposable {
    return this.#routes.piped.accept(pipe);
  }

  get shards(): ShardPorts {
    return this.#shards;
  }

  get queries(): OverlayQueries {
    return this.#routes.routing;
  }

  get dialler(): Dialler {
    return this.#routes.dialler;
  }

  /** This node takes part and knows what others know, or is alone. */
  settle(): void {
    this.stores.submit({ kind: 'settled' });
  }

  /** Resolves when all has been compared with one other node. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  activeView(): NodeName[] {
    return this.overlay.core.membership.activeView;
  }

  passiveView(): NodeName[] {
    return this.overlay.core.membership.passiveView;
  }

  /** Everybody that this node knows, neighbours first. */
  peers(): readonly PeerDescriptor[] {
    return this.overlay.core.membership.peers;
  }

  /** The living, suspect ones too, and this node while it takes part. */
  alive(): readonly LivingEntry[] {
    return this.overlay.core.roster.alive;
  }

  isAlive(node: NodeName, incarnation: bigint): boolean {
    return this.overlay.core.isAlive(node, incarnation);
  }

  isMember(node: NodeName): boolean {
    return this.overlay.core.roster.isMember(node);
  }

  isSuspect(node: NodeName): boolean {
    return this.overlay.core.roster.isSuspect(node);
  }

  rttMs(node: NodeName): number | undefined {
    return this.#facts.rttMs(node);
  }

  /** Takes part, again after `leave`: until somebody has accepted it, on trial. */
  announce(): void {
    if (this.isMember(this.self.node)) return;
    const record = this.#options.record(this.#addresses);
    this.overlay.submit({ kind: 'announce', record });
    this.#isOnTrial = true;
  }

  #readvertise(): readonly Address[] {
    const addresses = this.#options.advertise(this.#transport.address);
    if (addresses.join() === this.#addresses.join()) return addresses;
    this.#addresses = addresses;
    this.overlay.submit({ kind: 'update', record: this.#options.record(addresses) });
    return this.#linkGround.readvertised(addresses);
  }

  /** Somebody has accepted this node. */
  confirm(): void {
    this.announce();
    this.#isOnTrial = false;
  }

  /** A join failed. When no other is under way, a node on trial takes its announcement back. */
  retract(): void {
    if (this.#isOnTrial) this.overlay.submit({ kind: 'retract' });
  }

  /**
   * Says goodbye to everybody, then closes all links. `isForGood`: nobody waits for what this node
   * keeps on disk.
   */
  async leave({ isForGood = false }: { readonly isForGood?: boolean } = {}): Promise<void> {
    await this.#routes.passed();
    this.stores.submit({ kind: 'leave', isForGood });
    await this.overlay.leave();
    this.#links.endAll('leaving');
    // Out of the cluster no death is heard of: pins of ephemeral keys end, as at a new start.
    for (const { node, incarnation } of this.alive())
      this.#options.trust.release(node, incarnation);
  }

  /** New sessions show that key, and the roster says it. */
  setIdentity(identity: Parameters<Transport['setIdentity']>[0]): void {
    this.#transport.setIdentity(identity);
    this.overlay.submit({ kind: 'update', record: this.#options.record(this.#addresses) });
  }

  /** Ends the links to a node whose pin was removed. */
  revoke(node: NodeName): void {
    this.#links.end(node, 'revoked');
  }

  /** For tests: the overlay refuses these nodes, and nobody else. */
  block(nodes: readonly NodeName[]): void {
    this.overlay.submit({ kind: 'block', nodes });
  }

  /** Frees the socket; no callback is made afterwards. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.overlay.close();
    this.#routes.close();
    this.messages.close();
    await this.stores.close();
    await this.#transport.close('leaving');
  }

  // What links report

  onUp(link: Link): void {
    this.#options.host.logger.debug('link up', { node: link.node, role: link.connection.role });
    this.overlay.linkUp(link);
    this.messages.linkUp(link);
    this.#routes.retries.linkUp(link);
    this.#routes.reaching.linkUp(link);
    this.#linkGround.up(link);
  }

  onDown(link: Link, closure: Closure): void {
    const { node, incarnation } = link;
    this.#pagedRoster.stop(node);
    this.#routes.linkDown(link);
    this.overlay.linkDown(link, closure);
    this.messages.linkDown(link, closure.reason);
    this.#linkGround.down(link, closure);
    if (this.isAlive(node, incarnation) && this.isMember(this.self.node)) return;
    this.#options.trust.release(node, incarnation);
  }

  onFrame(link: Link, channel: Channel, frame: Uint8Array): void {
    const kind = frame[0] ?? 0;
    if (isRoutingKind(kind)) this.#routes.routing.frame(link, channel, frame);
    else if (channel === CONTROL) this.#onControl(link, frame, kind);
    else this.messages.frame(link, frame);
  }

  #onControl(link: Link, frame: Uint8Array, kind: number): void {
    if (this.overlay.frame(link, frame)) return;
    if (kind === EXCHANGE) this.stores.frame(link, frame);
    else if (kind === SYNCED) this.stores.submit({ kind: 'ask', node: link.node });
    else if (!this.elections.frame(link, frame) && !this.#shards.frame(link, frame))
      this.#linkGround.frame(link, frame);
  }

  onDrained(link: Link): void {
    this.overlay.linkDrained(link);
    this.#pagedRoster.goOn(link.node);
    this.messages.drained(link);
  }

  onStale(seenIncarnation: bigint): void {
    this.#options.onStale(seenIncarnation);
  }

  // What the overlay reports

  #onNeighbor(event: NeighborEvent): void {
    const { node } = event;
    if (event.type === 'peerUp') this.#pagedRoster.start(node);
    else this.#pagedRoster.stop(node);
    this.stores.submit({ kind: event.type === 'peerUp' ? 'neighborUp' : 'neighborDown', node });
    this.#options.onNeighbor(event);
  }

  #onMember(event: MemberEvent): void {
    const { type, node, incarnation } = event;
    if (type !== 'memberUpdated') this.stores.submit({ kind: type, node, incarnation });
    if (type === 'memberDown') {
      this.#routes.reaching.drop(node);
      this.#closeSilent(event);
      // While a link proves who has the name, word of a death does not free it.
      if (this.#links.get(node) === undefined) this.#options.trust.release(node, incarnation);
    }
    this.elections.membersChanged();
    this.#shards.membersChanged();
    this.#options.onMember(event);
  }

  /** The link to a dead node is over; one that is heard belongs to a node that will refute. */
  #closeSilent({ node, incarnation }: NodeRef): void {
    const link = this.#links.get(node);
    if (link === undefined || link.incarnation > incarnation) return;
    const silentMs = this.#options.host.clock.monotonicMs() - link.connection.lastHeardMs;
    const isSilent = silentMs > 2 * this.#options.self.heartbeatMs;
    if (isSilent) this.#links.close(link, 'lost', 'the node is gone');
  }

  // What it is made of

  #gate(): AdmissionGate {
    const known = (node: NodeName): RosterEntry | undefined => this.overlay.core.roster.get(node);
    return new AdmissionGate({
      ...this.#options,
      addresses: () => this.#addresses,
      seenIncarnation: (node) => known(node)?.incarnation,
      // Out of the cluster no death is heard of.
      living: (node) => livingRecord(known(this.self.node)) && livingRecord(known(node)),
    });
  }

  readonly #facts: LinkFacts = {
    rttMs: (node) => this.#links.get(node)?.connection.rttMs || undefined,
    lastHeardMs: (node) => this.#links.get(node)?.connection.lastHeardMs,
  };

  #overlay(control: ControlSender): OverlayDriver {
    return overlayDriver({
      ...this.#options,
      self: this.self,
      heartbeatMs: this.#options.self.heartbeatMs,
      addresses: () => this.#addresses,
      facts: this.#facts,
      links: this.#links,
      control,
      broadcasts: this.broadcasts,
      dialler: this.#routes.dialler,
      onNeighbor: (event) => this.#onNeighbor(event),
      onMember: (event) => this.#onMember(event),
      onExchange: (exchange) =>
        this.#pagedRoster.add(exchange.to, rosterPages(this.overlay.core.roster, exchange)),
      onReassert: () => this.stores.submit({ kind: 'reassert' }),
    });
  }
}
