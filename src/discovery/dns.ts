/**
 * Nodes found by the domain name system: by the addresses of one name, or by the SRV records of a
 * service. Answers are unauthenticated hints; who answers at an address is proven later.
 */
import { type Address, isAddress, type NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { bracketed, isDialableIp } from '../host/dialable-ip.ts';
import type { Clock, Random, Timers } from '../host/host.ts';
import type { ResolvedAddress, Resolver } from '../host/resolver.ts';
import { systemClock, systemRandom, systemTimers } from '../host/system-clock.ts';
import { systemResolver } from '../host/system-resolver.ts';
import type { Cancellable } from '../observable.ts';
import type { Contact, Discovery } from './discovery.ts';
import {
  DNS_ADDRESSES_MAX,
  DNS_ANSWER_MS_MAX,
  DNS_KEPT_MS_DEFAULT,
  DNS_KEPT_MS_MAX,
  DNS_KEPT_MS_MIN,
  DNS_NODES_KEPT_MAX,
  DNS_NOTHING_KEPT_MS,
  DNS_QUESTIONS_AT_ONCE_MAX,
  DNS_TARGET_ADDRESSES_MAX,
  DNS_TARGETS_MAX,
} from './discovery-limits.ts';
import { dnsNameOf, hostPart, isNameBelow } from './dns-name.ts';
import { type Answer, KeptAnswer } from './kept-answer.ts';
import { inOrderOfUse } from './srv-order.ts';

/** Which name is asked for, and how. */
export interface DnsDiscoveryOptions {
  /** A DNS name; with `srv` the whole name of the service, `_barrel._udp.example.org`. */
  readonly host: string;
  /** UDP port of the nodes behind that name, 1 to 65,535. Not with `srv`, which tells ports. */
  readonly port?: number | undefined;
  /** Asks for SRV records instead of addresses. Default false. */
  readonly srv?: boolean | undefined;
}

/** What asking takes of the world. */
export interface DnsWorld {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** One address, and the host name that has it. */
interface Found {
  readonly host: string;
  readonly ip: string;
  readonly address: Address;
}

const SYSTEM: DnsWorld = {
  resolver: systemResolver,
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
};

/**
 * Finds nodes by DNS. All addresses behind the name are contacts, without names of nodes. A node is
 * resolved when its host part is that name or one below it (with `srv`: a target of the service),
 * or one of the addresses found.
 * @throws ERR_OPTION for what is no DNS name, a port out of range, a port that is missing, or one
 * that is given with `srv`.
 */
export function dnsDiscovery(options: DnsDiscoveryOptions): Discovery {
  return dnsDiscoveryOn(SYSTEM, options);
}

/** The same with other servers, and on another clock. */
export function dnsDiscoveryOn(world: DnsWorld, options: DnsDiscoveryOptions): Discovery {
  const { port, srv = false } = options;
  const host = dnsNameOf(options.host);
  if (host === undefined) throw wrong('`host`', 'a DNS name', options.host);
  if (typeof srv !== 'boolean') throw wrong('`srv`', 'true or false', srv);
  if (srv && port !== undefined) throw wrong('`port`', 'left out with `srv`', port);
  if (!srv && !isPort(port)) throw wrong('`port`', 'a whole number from 1 to 65535', port);
  return new DnsDiscovery(world, host, srv ? undefined : port);
}

class DnsDiscovery implements Discovery {
  readonly name = 'dns';
  readonly #world: DnsWorld;
  readonly #host: string;
  /** Undefined with SRV records. */
  readonly #port: number | undefined;
  readonly #all: KeptAnswer<readonly Found[]>;
  /** Names below the host, in the order of their last use. */
  readonly #below = new Map<string, KeptAnswer<readonly Found[]>>();

  constructor(world: DnsWorld, host: string, port: number | undefined) {
    this.#world = world;
    this.#host = host;
    this.#port = port;
    this.#all = this.#shared(host, (signal) =>
      port === undefined ? this.#services(signal) : this.#addresses(host, port, signal),
    );
  }

  async contacts({ signal }: Cancellable): Promise<readonly Contact[]> {
    const found = await this.#all.get(signal);
    return [...new Set(found.map(({ address }) => address))];
  }

  async resolve(node: NodeName, { signal }: Cancellable): Promise<readonly Address[]> {
    const host = hostPart(node);
    const port = this.#port;
    const isBelow = port !== undefined && isNameBelow(host, this.#host);
    const found = await (isBelow ? this.#answerOf(host, port) : this.#all).get(signal);
    const own = found.filter((each) => each.host === host || each.ip === host);
    // Dialled one after the other: IPv4 first, as wherever a host name is resolved.
    const order = [...own].sort((a, b) => Number(a.ip.includes(':')) - Number(b.ip.includes(':')));
    return order.map(({ address }) => address).slice(0, DNS_TARGET_ADDRESSES_MAX);
  }

  #answerOf(host: string, port: number): KeptAnswer<readonly Found[]> {
    const known = this.#below.get(host);
    const answer = known ?? this.#shared(host, (signal) => this.#addresses(host, port, signal));
    this.#below.delete(host);
    this.#below.set(host, answer);
    for (const oldest of this.#below.keys()) {
      if (this.#below.size <= DNS_NODES_KEPT_MAX) break;
      this.#below.delete(oldest);
    }
    return answer;
  }

  #shared(
    host: string,
    ask: (signal: AbortSignal) => Promise<Answer<readonly Found[]>>,
  ): KeptAnswer<readonly Found[]> {
    return new KeptAnswer({
      clock: this.#world.clock,
      timers: this.#world.timers,
      what: `asking the DNS for ${host}`,
      timeoutMs: DNS_ANSWER_MS_MAX,
      failureKeptMs: DNS_NOTHING_KEPT_MS,
      ask,
    });
  }

  async #addresses(
    host: string,
    port: number,
    signal: AbortSignal,
  ): Promise<Answer<readonly Found[]>> {
    const resolved = await this.#world.resolver.addresses(host, signal);
    const found = shuffled(foundOf({ host, port, resolved }), this.#world.random);
    return { value: found.slice(0, DNS_ADDRESSES_MAX), keptMs: keptMsOf(resolved) };
  }

  /** A target that cannot be resolved is left out, unless none can be. */
  async #services(signal: AbortSignal): Promise<Answer<readonly Found[]>> {
    const { random, resolver } = this.#world;
    const records = inOrderOfUse(await resolver.services(this.#host, signal), random);
    const targets = records.flatMap(({ target, port }) => {
      const host = dnsNameOf(target);
      return host !== undefined && isPort(port) ? { host, port } : [];
    });
    const resolved: ResolvedAddress[] = [];
    const found: Found[] = [];
    const failures: unknown[] = [];
    const chosen = targets.slice(0, DNS_TARGETS_MAX);
    for (let first = 0; first < chosen.length; first += DNS_QUESTIONS_AT_ONCE_MAX) {
      const some = chosen.slice(first, first + DNS_QUESTIONS_AT_ONCE_MAX);
      const answers = await Promise.allSettled(
        some.map(async (target) => ({
          ...target,
          resolved: await resolver.addresses(target.host, signal),
        })),
      );
      for (const answer of answers) {
        if (answer.status === 'rejected') {
          failures.push(answer.reason);
          continue;
        }
        resolved.push(...answer.value.resolved);
        found.push(...foundOf(answer.value).slice(0, DNS_TARGET_ADDRESSES_MAX));
      }
    }
    if (found.length === 0 && failures.length > 0) throw failures[0];
    return { value: found, keptMs: keptMsOf(resolved) };
  }
}

interface Resolved {
  readonly host: string;
  readonly port: number;
  readonly resolved: readonly ResolvedAddress[];
}

function foundOf({ host, port, resolved }: Resolved): readonly Found[] {
  return resolved.flatMap(({ ip }) => {
    const address = `${bracketed(ip)}:${port}`;
    return isDialableIp(ip) && isAddress(address) ? { host, ip, address } : [];
  });
}

/** The shortest TTL within bounds; briefly when there is nothing. */
function keptMsOf(resolved: readonly ResolvedAddress[]): number {
  if (resolved.length === 0) return DNS_NOTHING_KEPT_MS;
  const shortest = resolved.reduce(
    (least, { ttlMs }) => Math.min(least, ttlMs ?? DNS_KEPT_MS_DEFAULT),
    DNS_KEPT_MS_MAX,
  );
  return Math.max(shortest, DNS_KEPT_MS_MIN);
}

/** So that not all nodes join through the same one, and of too many each has its chance. */
function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, lot: random.float() }))
    .sort((a, b) => a.lot - b.lot)
    .map(({ item }) => item);
}

function isPort(port: unknown): port is number {
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function wrong(what: string, rule: string, received: unknown): BarrelError {
  const text = JSON.stringify(received)?.slice(0, 300) ?? String(received);
  return new BarrelError('ERR_OPTION', `${what} of dnsDiscovery must be ${rule}, received ${text}`);
}
