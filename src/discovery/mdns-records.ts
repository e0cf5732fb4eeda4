/**
 * A node as records of DNS-SD (RFC 6763): PTR to an instance, TXT with the name of the node, SRV
 * with a port and a host, A and AAAA with the addresses of the host. What is read is taken from one
 * message alone: records that refer to nothing in it are passed over.
 */
import { type Address, isAddress, isNodeName, type NodeName, splitAddress } from '../core/names.ts';
import { bracketed, isDialableIp } from '../host/dialable-ip.ts';
import type { MulticastRecord } from '../host/multicast-dns.ts';
import { ADDRESSES_MAX } from '../limits.ts';
import { MDNS_NODES_PER_MESSAGE_MAX } from './discovery-limits.ts';
import { dnsNameOf } from './dns-name.ts';

/** A node, as it is told to the network. */
export interface Announcement {
  readonly node: NodeName;
  readonly addresses: readonly Address[];
  /** Tells clusters of one service apart; short, as a digest is. */
  readonly cluster: string | undefined;
}

/** The same as it was heard. */
export interface HeardAnnouncement extends Announcement {
  /** In seconds; 0 when the node takes it back. */
  readonly ttl: number;
}

/** Names under which a node is told. */
export interface Naming {
  /** `_barrel._udp.local`. */
  readonly service: string;
  /** One label that is this node's alone. */
  readonly id: string;
}

const TXT_VERSION = 'v=1';

/** The records of one node, all that is needed to dial it. */
export function recordsOf(
  { node, addresses, cluster }: Announcement,
  { service, id }: Naming,
  ttl: number,
): readonly MulticastRecord[] {
  const instance = `${id}.${service}`;
  const texts = [TXT_VERSION, `node=${node}`, ...(cluster === undefined ? [] : [`c=${cluster}`])];
  const records: MulticastRecord[] = [
    { type: 'PTR', name: service, ttl, data: instance },
    { type: 'TXT', name: instance, ttl, data: texts },
  ];
  for (const [priority, address] of addresses.slice(0, ADDRESSES_MAX).entries()) {
    const { host, port } = splitAddress(address);
    const ip = host.startsWith('[') ? host.slice(1, -1) : host;
    const target = isDialableIp(ip) ? `${id}-${priority}.local` : dnsNameOf(host);
    if (target === undefined) continue;
    const data = { priority, weight: 0, port, target };
    records.push({ type: 'SRV', name: instance, ttl, data });
    if (!isDialableIp(ip)) continue;
    records.push({ type: ip.includes(':') ? 'AAAA' : 'A', name: target, ttl, data: ip });
  }
  return records;
}

/** The nodes of that service in a message; what is none, or has no address, is passed over. */
export function announcementsIn(
  records: readonly MulticastRecord[],
  service: string,
): readonly HeardAnnouncement[] {
  const instances = new Map<string, number>();
  for (const { type, name, ttl, data } of records) {
    if (type !== 'PTR' || !isSame(name, service)) continue;
    if (instances.size < MDNS_NODES_PER_MESSAGE_MAX) instances.set(data.toLowerCase(), ttl);
  }
  return [...instances].flatMap(([instance, ttl]) => announced(records, instance, ttl));
}

function announced(
  records: readonly MulticastRecord[],
  instance: string,
  ttl: number,
): readonly HeardAnnouncement[] {
  const texts = records.flatMap(({ type, name, data }) =>
    type === 'TXT' && isSame(name, instance) ? data : [],
  );
  const node = textValue(texts, 'node');
  if (!texts.includes(TXT_VERSION) || node === undefined || !isNodeName(node)) return [];
  const services = records
    .flatMap(({ type, name, data }) => (type === 'SRV' && isSame(name, instance) ? [data] : []))
    .sort((a, b) => a.priority - b.priority)
    .slice(0, ADDRESSES_MAX);
  const found = services.flatMap(({ target, port }) =>
    hostsOf(records, target).map((host) => `${host}:${port}`),
  );
  const addresses = [...new Set(found.filter(isAddress))].slice(0, ADDRESSES_MAX);
  if (addresses.length === 0) return [];
  return [{ node, addresses, cluster: textValue(texts, 'c'), ttl }];
}

/** Its IP addresses, or the name itself, when it is one of the usual DNS. */
function hostsOf(records: readonly MulticastRecord[], target: string): readonly string[] {
  const ips = records.flatMap(({ type, name, data }) =>
    (type === 'A' || type === 'AAAA') && isSame(name, target) && isDialableIp(data)
      ? bracketed(data)
      : [],
  );
  if (ips.length > 0) return ips.slice(0, ADDRESSES_MAX);
  const name = dnsNameOf(target);
  return name === undefined || name.endsWith('.local') ? [] : [name];
}

function textValue(texts: readonly string[], key: string): string | undefined {
  return texts.find((text) => text.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** Letters of names of the domain name system have no case. */
function isSame(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase();
}
