/**
 * UDP of the real machine. Sending never waits and never throws: what the system refuses is counted
 * and lost, as on any network, and QUIC sends it again.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { unmapped } from '../core/ip-text.ts';
import { UDP_BUFFER_BYTES, UDP_QUEUE_BYTES_MAX } from '../limits.ts';
import type { UdpOpener } from './host.ts';
import type { Counter, Meter } from './meter.ts';
import { systemLookup } from './system-lookup.ts';
import type { Endpoint, UdpSocket, UdpSocketOptions } from './udp.ts';

/** Errors that concern one datagram; the socket lives on. */
const PASSING = new Set([
  'EAGAIN',
  'EACCES',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EINVAL',
  'EMSGSIZE',
  'ENETUNREACH',
  'ENOBUFS',
  'EPERM',
]);
/** So many unconfirmed datagrams are nothing to look into. */
const UNCONFIRMED_UNCHECKED = 256;

/**
 * Opens sockets that count what they lose in `meter`. A host name is resolved once, at opening. One
 * on `::` carries IPv4 too, whose addresses it shows and takes as what they are.
 */
export function systemUdp(meter: Meter): UdpOpener {
  return async (options) => {
    const [address = options.host] = await systemLookup(options.host);
    const family = isIP(address);
    const isDualStack = address === '::';
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      ipv6Only: family === 6 && !isDualStack,
      lookup: asIs,
    });
    await bound(socket, { host: address, port: options.port });
    return new SystemUdpSocket(socket, options, { meter, isDualStack });
  };
}

/**
 * Only addresses are ever sent to, and looking one up, even if it is answered at once, would put
 * off each datagram to the next tick.
 */
function asIs(
  address: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, address, isIP(address));
}

function bound(socket: Socket, { host, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', refuse);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off('error', refuse);
      resolve();
    });
  });
}

interface SocketKind {
  readonly meter: Meter;
  readonly isDualStack: boolean;
}

class SystemUdpSocket implements UdpSocket {
  readonly local: Endpoint;
  readonly #socket: Socket;
  readonly #options: UdpSocketOptions;
  readonly #meter: Meter;
  readonly #isDualStack: boolean;
  readonly #overflow: Counter;
  #unconfirmed = 0;
  #closed: Promise<void> | undefined;

  constructor(socket: Socket, options: UdpSocketOptions, kind: SocketKind) {
    const { meter, isDualStack } = kind;
    this.#socket = socket;
    this.#options = options;
    this.#meter = meter;
    this.#isDualStack = isDualStack;
    this.#overflow = meter.counter('barrel_udp_lost_total', { cause: 'queue-full' });
    const { address, port } = socket.address();
    this.local = { host: address, port };
    widenBuffers(socket);
    socket.on('message', this.#onMessage);
    socket.on('error', this.#onError);
  }

  get isIdle(): boolean {
    return this.#unconfirmed === 0;
  }

  /** Where the system is not ready the bytes are read later: reused by then, they are lost. */
  send(datagram: Uint8Array, to: Endpoint): void {
    if (this.#closed !== undefined) return;
    if (this.#isFull()) {
      this.#overflow.value += 1;
      return;
    }
    this.#unconfirmed += 1;
    try {
      this.#socket.send(datagram, to.port, this.#reachedAs(to.host), this.#onSent);
    } catch (error) {
      // A port outside the range, or bytes that are none: a fault of this one datagram too.
      this.#onSent(error instanceof Error ? error : new Error(String(error)));
    }
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(resolve));
    return this.#closed;
  }

  #isFull(): boolean {
    if (this.#unconfirmed < UNCONFIRMED_UNCHECKED) return false;
    return this.#socket.getSendQueueSize() > UDP_QUEUE_BYTES_MAX;
  }

  readonly #onSent = (error: Error | null): void => {
    this.#unconfirmed -= 1;
    if (error !== null) this.#countLoss(error);
  };

  readonly #onMessage = (datagram: Uint8Array, from: RemoteInfo): void => {
    const host = this.#isDualStack ? unmapped(from.address) : from.address;
    this.#options.onDatagram(datagram, { host, port: from.port });
  };

  #reachedAs(host: string): string {
    return this.#isDualStack && !host.includes(':') ? `::ffff:${host}` : host;
  }

  readonly #onError = (error: Error): void => {
    if (this.#closed !== undefined) return;
    if (PASSING.has(codeOf(error))) {
      this.#countLoss(error);
      return;
    }
    void this.close();
    this.#options.onError(error);
  };

  #countLoss(error: Error): void {
    const code = codeOf(error);
    const cause = PASSING.has(code) ? code : 'other';
    this.#meter.counter('barrel_udp_lost_total', { cause }).value += 1;
  }
}

/** Best effort: the system may allow less, and bursts are then lost a little earlier. */
function widenBuffers(socket: Socket): void {
  for (const widen of [
    () => socket.setRecvBufferSize(UDP_BUFFER_BYTES),
    () => socket.setSendBufferSize(UDP_BUFFER_BYTES),
  ]) {
    try {
      widen();
    } catch {
      // Some systems refuse a size above their limit instead of cutting it: theirs stays.
    }
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
