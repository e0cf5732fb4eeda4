/**
 * What a node needs from the world, as interfaces. Everything below the composition root takes its
 * time, randomness, sockets and files from here, so that a whole node runs on virtual time over a
 * simulated network and disk without a change. `systemHost()` is the real one.
 */

import type { Digest } from '../core/store/register-store.ts';
import type { OpenDurableStore } from './durable-store.ts';
import type { Files } from './files.ts';
import type { Logger } from './logger.ts';
import type { Meter } from './meter.ts';
import type { UdpSocket, UdpSocketOptions } from './udp.ts';

/** Two clocks: one to measure with, one to print. */
export interface Clock {
  /** Milliseconds that never go back, of any origin. Time-outs and leases use this one. */
  monotonicMs(): number;
  /** Milliseconds since 1970 as the machine believes; may jump either way. */
  wallMs(): number;
}

/** One-shot timers. Disposing the handle cancels; a fired or disposed handle is inert. */
export interface Timers {
  /** Calls back once after `delayMs`, never synchronously. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): Disposable;
  /** Calls back once after the current batch of I/O, before any timer. */
  soon(callback: () => void): void;
}

export interface Random {
  /** Uniform in [0, 1). For jitter and choice, never for secrets. */
  float(): number;
  /** Cryptographically strong bytes in production; seeded in simulation. */
  bytes(count: number): Uint8Array;
}

/** Opens a bound UDP socket. Rejects with the system's error when the address is not available. */
export type UdpOpener = (options: UdpSocketOptions) => Promise<UdpSocket>;

export interface Host {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** SHA-256. */
  readonly digest: Digest;
  readonly files: Files;
  /** Loads the database with the first call, for those alone who keep a store on disk. */
  readonly openStore: OpenDurableStore;
  readonly openUdp: UdpOpener;
  readonly logger: Logger;
  readonly meter: Meter;
  /**
   * IP addresses of a host name as the system resolves it, best first, at least one; IP literals
   * resolve to themselves.
   */
  lookup(host: string): Promise<readonly string[]>;
  /** Name of this machine, for the default node name. */
  readonly hostName: string;
  /**
   * Addresses of the machine that other machines can reach: the first of each family first. They
   * may change at any time.
   */
  externalAddresses(): readonly string[];
}
