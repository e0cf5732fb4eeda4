/**
 * Multicast DNS on the real network, by the package `multicast-dns`. It is an optional dependency
 * and is loaded when somebody needs it. Its decoder is given no more than a bounded share of what
 * the network sends: messages about this service, within a size, a count of records and a rate.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createRequire } from 'node:module';
import { TokenBucket } from '../core/membership/token-bucket.ts';
import { BarrelError } from '../errors.ts';
import type {
  MulticastDns,
  MulticastDnsOptions,
  MulticastMessage,
  MulticastQuestion,
  MulticastRecord,
  MulticastService,
  OpenMulticastDns,
} from './multicast-dns.ts';
import {
  MULTICAST_BURST_MAX,
  MULTICAST_BYTES_MAX,
  MULTICAST_PER_SECOND_MAX,
  MULTICAST_RECORDS_MAX,
} from './multicast-limits.ts';
import { systemClock } from './system-clock.ts';

const HEAD_BYTES = 12;
type Done = (error?: Error | null) => void;

/** As much of the package as is used. */
interface PackagePort {
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'warning', listener: (error: Error) => void): void;
  on(event: 'ready', listener: () => void): void;
  on(event: 'packet', listener: (packet: unknown, from: { address: string }) => void): void;
  query(message: { readonly questions: readonly MulticastQuestion[] }, done: Done): void;
  respond(message: { readonly answers: readonly MulticastRecord[] }, done: Done): void;
  destroy(done: () => void): void;
}

type Package = (options: {
  readonly socket: Socket;
  readonly interface: string | undefined;
  readonly bind: string;
}) => PackagePort;

/** Required, not imported: it has no types, and a bundler must not take it for granted. */
const load = createRequire(import.meta.url);

/**
 * Loads the package.
 * @throws ERR_OPTION when it is not installed.
 */
export function loadMulticastDns(
  loadPackage: () => Package = () => load('multicast-dns'),
): OpenMulticastDns {
  try {
    const make = loadPackage();
    return (options) => open(make, options);
  } catch (cause) {
    const what = 'mDNS needs the package `multicast-dns`, which cannot be loaded';
    throw new BarrelError('ERR_OPTION', `${what}: npm install multicast-dns@7.2.5`, { cause });
  }
}

function open(make: Package, options: MulticastDnsOptions): Promise<MulticastDns> {
  const socket = guarded(createSocket({ type: 'udp4', reuseAddr: true }), options.label);
  const port = make({ socket, interface: options.interface, bind: '0.0.0.0' });
  port.on('packet', (packet, { address }) => {
    const message = messageOf(packet);
    if (message !== undefined) options.onMessage(message, address);
  });
  // What cannot be decoded, or an interface that went: a hint less.
  port.on('warning', () => {});
  return new Promise((resolve, reject) => {
    port.on('error', (error) => {
      port.destroy(() => {});
      reject(error);
    });
    port.on('ready', () => resolve(new SystemMulticastDns(port)));
  });
}

class SystemMulticastDns implements MulticastDns {
  readonly #port: PackagePort;
  #closed: Promise<void> | undefined;

  constructor(port: PackagePort) {
    this.#port = port;
  }

  send(message: MulticastMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const done: Done = (error) => (error ? reject(error) : resolve());
      if (message.kind === 'query') this.#port.query({ questions: message.questions }, done);
      else this.#port.respond({ answers: message.records }, done);
    });
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#port.destroy(resolve));
    return this.#closed;
  }
}

/** The same socket, which tells of no datagram that is not worth decoding. */
function guarded(socket: Socket, label: string): Socket {
  const nowMs = systemClock.monotonicMs();
  const bucket = new TokenBucket(MULTICAST_BURST_MAX, MULTICAST_PER_SECOND_MAX, nowMs);
  const { emit } = socket;
  Object.defineProperty(socket, 'emit', {
    value: (event: string, ...args: readonly unknown[]): boolean => {
      const [datagram] = args;
      const isDropped =
        event === 'message' &&
        !(isWorthDecoding(datagram, label) && bucket.take(systemClock.monotonicMs()));
      return isDropped ? false : Reflect.apply(emit, socket, [event, ...args]);
    },
  });
  return socket;
}

/** Judged by its length, its head, and whether the label of the service is anywhere in it. */
export function isWorthDecoding(datagram: unknown, label: string): boolean {
  if (!(datagram instanceof Uint8Array)) return false;
  const { buffer, byteOffset, byteLength } = datagram;
  if (byteLength < HEAD_BYTES || byteLength > MULTICAST_BYTES_MAX) return false;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  const records = counts.reduce((sum, count) => sum + count, 0);
  return records <= MULTICAST_RECORDS_MAX && bytes.includes(label);
}

/** Of what the package made of a datagram, the kinds of records that are used here. */
function messageOf(packet: unknown): MulticastMessage | undefined {
  if (!isRecord(packet)) return undefined;
  const { type, questions, answers, additionals } = packet;
  if (type === 'query') return { kind: 'query', questions: listOf(questions).flatMap(questionOf) };
  const records = [...listOf(answers), ...listOf(additionals)].flatMap(recordOf);
  return type === 'response' ? { kind: 'response', records } : undefined;
}

function questionOf(value: unknown): readonly MulticastQuestion[] {
  if (!isRecord(value)) return [];
  const { name, type } = value;
  return typeof name === 'string' && typeof type === 'string' ? [{ name, type }] : [];
}

function recordOf(value: unknown): readonly MulticastRecord[] {
  if (!isRecord(value)) return [];
  const { name, type, ttl, data } = value;
  if (typeof name !== 'string' || typeof ttl !== 'number') return [];
  switch (type) {
    case 'PTR':
    case 'A':
    case 'AAAA':
      return typeof data === 'string' ? [{ type, name, ttl, data }] : [];
    case 'TXT':
      return [{ type, name, ttl, data: listOf(data).flatMap(textOf) }];
    case 'SRV':
      return serviceOf(data).map((service) => ({ type, name, ttl, data: service }));
    default:
      return [];
  }
}

function serviceOf(value: unknown): readonly MulticastService[] {
  if (!isRecord(value)) return [];
  const { priority, weight, port, target } = value;
  const isSound =
    typeof priority === 'number' &&
    typeof weight === 'number' &&
    typeof port === 'number' &&
    typeof target === 'string';
  return isSound ? [{ priority, weight, port, target }] : [];
}

function textOf(value: unknown): readonly string[] {
  return value instanceof Uint8Array ? [Buffer.from(value).toString('utf8')] : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
