/**
 * Nodes of one local network find each other by multicast DNS: each announces itself, answers those
 * who ask, and says goodbye. Announcements are unauthenticated hints; who answers at an address is
 * proven later.
 *
 * Deviation from RFC 6762: no probing for names, which are digests that nobody else has, and no
 * lists of known answers; whoever heard a question does not ask it again itself.
 */
import { onceAborted } from '../abort.ts';
import type { Address, NodeName } from '../core/names.ts';
import type { Digest } from '../core/store/register-store.ts';
import { BarrelError } from '../errors.ts';
import type { Clock, Random, Timers } from '../host/host.ts';
import type { MulticastDns, MulticastMessage, OpenMulticastDns } from '../host/multicast-dns.ts';
import { systemClock, systemRandom, systemTimers } from '../host/system-clock.ts';
import { systemDigest } from '../host/system-digest.ts';
import { loadMulticastDns } from '../host/system-multicast-dns.ts';
import type { Cancellable } from '../observable.ts';
import { abortable, settlement } from '../settlement.ts';
import type { Asking, Contact, Discovery } from './discovery.ts';
import {
  MDNS_ANSWER_DELAY_MS_MAX,
  MDNS_ANSWER_DELAY_MS_MIN,
  MDNS_ANSWER_PERIOD_MS,
  MDNS_ANSWERS_MS,
  MDNS_FIRST_QUESTIONS_PERIOD_MS,
  MDNS_NODE_NAME_BYTES_MAX,
  MDNS_QUESTION_PERIOD_MS,
  MDNS_SERVICE_CHARS_MAX,
  MDNS_SILENCE_MS,
  MDNS_TTL_SECONDS,
} from './discovery-limits.ts';
import { type Announcement, announcementsIn, recordsOf } from './mdns-records.ts';
import { MdnsTable } from './mdns-table.ts';

/** Which nodes of the network are looked for. */
export interface MdnsDiscoveryOptions {
  /** Nodes find those of the same service: 1 to 15 letters, digits and `-`. Default `barrel`. */
  readonly service?: string | undefined;
  /** IPv4 address of the interface to use. Default: listens on all, sends where the system says. */
  readonly interface?: string | undefined;
}

/** What multicast DNS takes of the world. */
export interface MdnsWorld {
  readonly open: OpenMulticastDns;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly digest: Digest;
}

const SERVICE = /^(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/;
const ID_CHARS = 32;
const CLUSTER_CHARS = 16;

/**
 * Finds nodes of the same service and cluster on the local network, and announces this one there.
 * All of them are contacts, except those announced through the same object. Needs the package
 * `multicast-dns`.
 * @throws ERR_OPTION when the package is not installed, or the service is none.
 */
export function mdnsDiscovery(options: MdnsDiscoveryOptions = {}): Discovery {
  const world = {
    open: loadMulticastDns(),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    digest: systemDigest,
  };
  return mdnsDiscoveryOn(world, options);
}

/** The same on another network and another clock. */
export function mdnsDiscoveryOn(world: MdnsWorld, options: MdnsDiscoveryOptions = {}): Discovery {
  const { service = 'barrel' } = options;
  const name = typeof service === 'string' ? service.toLowerCase() : '';
  if (!SERVICE.test(name) || name.length > MDNS_SERVICE_CHARS_MAX) {
    throw new BarrelError(
      'ERR_OPTION',
      '`service` of mdnsDiscovery must be 1 to 15 letters, digits and `-`,' +
        ` received ${JSON.stringify(service)?.slice(0, 100)}`,
    );
  }
  return new MdnsDiscovery(world, name, options.interface);
}

class MdnsDiscovery implements Discovery {
  readonly name = 'mdns';
  readonly #world: MdnsWorld;
  /** `_barrel`: the label that all messages of ours have in them. */
  readonly #label: string;
  readonly #service: string;
  readonly #interface: string | undefined;
  readonly #table = new MdnsTable();
  readonly #own = new Map<NodeName, Announcement>();
  readonly #wakes = new Set<() => void>();
  /** Those who need the port now; without any it is closed. */
  #users = 0;
  #port: Promise<MulticastDns> | undefined;
  #answering: Disposable | undefined;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  /** When somebody, this node or another, asked last. */
  #questionMs = Number.NEGATIVE_INFINITY;

  constructor(world: MdnsWorld, service: string, address: string | undefined) {
    this.#world = world;
    this.#label = `_${service}`;
    this.#service = `_${service}._udp.local`;
    this.#interface = address;
  }

  async contacts({ signal, cluster }: Asking): Promise<readonly Contact[]> {
    const of = { cluster: this.#clusterId(cluster) };
    return this.#using(signal, async (port) => {
      await this.#refresh(port, of, signal);
      const known = this.#table.known(this.#world.clock.monotonicMs(), of);
      const others = known.filter(({ node }) => !this.#own.has(node));
      const contacts = others.flatMap(({ node, addresses }) =>
        addresses.map((address) => `${node}/${address}`),
      );
      return [...new Set(contacts)];
    });
  }

  async resolve(node: NodeName, { signal }: Cancellable): Promise<readonly Address[]> {
    return this.#using(signal, async (port) => {
      if (this.#table.known(this.#world.clock.monotonicMs(), { node }).length === 0) {
        await this.#refresh(port, { node }, signal);
      }
      const known = this.#table.known(this.#world.clock.monotonicMs(), { node });
      return [...new Set(known.flatMap(({ addresses }) => addresses))];
    });
  }

  /**
   * Tells the network of the node, twice, and answers those who ask; withdrawing says goodbye.
   * @throws ERR_OPTION for a name of more than 250 bytes, the system's error, the signal's reason.
   */
  async announce(
    node: NodeName,
    addresses: readonly Address[],
    { signal, cluster }: Asking,
  ): Promise<AsyncDisposable> {
    if (node.length > MDNS_NODE_NAME_BYTES_MAX) {
      const most = `at most ${MDNS_NODE_NAME_BYTES_MAX} bytes`;
      throw new BarrelError('ERR_OPTION', `mDNS tells names of ${most}, received ${node}`);
    }
    const own = { node, addresses, cluster: this.#clusterId(cluster) };
    const port = await this.#enter(signal);
    try {
      await abortable(port.send(this.#response(own, MDNS_TTL_SECONDS)), signal);
    } catch (error) {
      await this.#leave();
      throw error;
    }
    this.#own.set(node, own);
    this.#answeredMs = this.#world.clock.monotonicMs();
    this.#answerSoon();
    let isWithdrawn = false;
    return {
      [Symbol.asyncDispose]: async () => {
        if (isWithdrawn) return;
        isWithdrawn = true;
        await this.#withdraw(own, port);
      },
    };
  }

  async #withdraw(own: Announcement, port: MulticastDns): Promise<void> {
    try {
      if (this.#own.get(own.node) !== own) return;
      this.#own.delete(own.node);
      await port.send(this.#response(own, 0));
    } finally {
      await this.#leave();
    }
  }

  async #using<T>(
    signal: AbortSignal | undefined,
    work: (port: MulticastDns) => Promise<T>,
  ): Promise<T> {
    const port = await this.#enter(signal);
    try {
      return await work(port);
    } finally {
      await this.#leave();
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<MulticastDns> {
    signal?.throwIfAborted();
    this.#users += 1;
    this.#port ??= this.#world.open({
      label: this.#label,
      interface: this.#interface,
      onMessage: (message, from) => this.#onMessage(message, from),
    });
    try {
      return await abortable(this.#port, signal);
    } catch (error) {
      await this.#leave();
      throw error;
    }
  }

  async #leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    const port = this.#port;
    this.#port = undefined;
    this.#answering?.[Symbol.dispose]();
    this.#answering = undefined;
    this.#table.clear();
    // One that could not be opened has said so to whoever opened it.
    await port?.then(
      (opened) => opened.close(),
      () => {},
    );
  }

  /** Asks the network, unless somebody has a moment ago, and waits for answers. */
  async #refresh(
    port: MulticastDns,
    of: { readonly node?: NodeName; readonly cluster?: string | undefined },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const nowMs = this.#world.clock.monotonicMs();
    const isKnown = (): boolean => this.#table.known(nowMs, of).some((e) => !this.#own.has(e.node));
    const hasOthers = isKnown();
    if (hasOthers && nowMs - this.#questionMs < MDNS_QUESTION_PERIOD_MS) return;
    if (!hasOthers && nowMs - this.#askedMs < MDNS_FIRST_QUESTIONS_PERIOD_MS) return;
    this.#askedMs = nowMs;
    this.#questionMs = nowMs;
    const questions = [{ name: this.#service, type: 'PTR' }];
    await abortable(port.send({ kind: 'query', questions }), signal);
    await this.#pause(MDNS_ANSWERS_MS, signal);
    const untilMs = nowMs + MDNS_SILENCE_MS;
    for (;;) {
      const leftMs = untilMs - this.#world.clock.monotonicMs();
      if (isKnown() || leftMs <= 0) return;
      await this.#pause(leftMs, signal, this.#wakes);
    }
  }

  #onMessage(message: MulticastMessage, from: string): void {
    const nowMs = this.#world.clock.monotonicMs();
    if (message.kind === 'query') {
      const isAsked = message.questions.some(
        ({ name, type }) =>
          name.toLowerCase() === this.#service && (type === 'PTR' || type === 'ANY'),
      );
      if (!isAsked) return;
      this.#questionMs = nowMs;
      this.#answerSoon();
      return;
    }
    for (const heard of announcementsIn(message.records, this.#service)) {
      this.#table.note(heard, from, nowMs);
    }
    for (const wake of this.#wakes) wake();
  }

  /** Once for all who ask meanwhile. */
  #answerSoon(): void {
    if (this.#answering !== undefined || this.#own.size === 0) return;
    const { clock, random, timers } = this.#world;
    const spreadMs = MDNS_ANSWER_DELAY_MS_MAX - MDNS_ANSWER_DELAY_MS_MIN;
    const delayMs = MDNS_ANSWER_DELAY_MS_MIN + spreadMs * random.float();
    const leastMs = this.#answeredMs + MDNS_ANSWER_PERIOD_MS - clock.monotonicMs();
    this.#answering = timers.after(Math.max(delayMs, leastMs), () => void this.#answer());
  }

  async #answer(): Promise<void> {
    this.#answering = undefined;
    this.#answeredMs = this.#world.clock.monotonicMs();
    try {
      const port = await this.#port;
      const responses = [...this.#own.values()].map((own) => this.#response(own, MDNS_TTL_SECONDS));
      await Promise.all(responses.map((response) => port?.send(response)));
    } catch {
      // A network that is down: whoever asks again is answered again.
    }
  }

  #response(own: Announcement, ttl: number): MulticastMessage {
    const id = this.#digestOf(`${own.cluster ?? ''} ${own.node}`).slice(0, ID_CHARS);
    return { kind: 'response', records: recordsOf(own, { service: this.#service, id }, ttl) };
  }

  /** A digest: the network need not learn the names of clusters. */
  #clusterId(cluster: string | undefined): string | undefined {
    return cluster === undefined ? undefined : this.#digestOf(cluster).slice(0, CLUSTER_CHARS);
  }

  #digestOf(text: string): string {
    return Buffer.from(this.#world.digest(Buffer.from(text)), 'latin1').toString('hex');
  }

  /** Ends early with the signal, or when one of `wakes` is called. */
  async #pause(
    ms: number,
    signal: AbortSignal | undefined,
    wakes: Set<() => void> = new Set(),
  ): Promise<void> {
    const over = settlement<void>();
    const wake = (): void => over.resolve();
    const timer = this.#world.timers.after(ms, wake);
    wakes.add(wake);
    if (signal !== undefined) onceAborted(signal, wake);
    await over.promise;
    timer[Symbol.dispose]();
    wakes.delete(wake);
    signal?.removeEventListener('abort', wake);
    signal?.throwIfAborted();
  }
}
