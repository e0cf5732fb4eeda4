/**
 * Multicast DNS (RFC 6762) on the networks of this machine: questions and answers that every
 * listener of the network hears. Nothing in them is proven.
 */

/** Names have no dot at their end; `ttl` is in seconds, 0 takes a record back. */
export type MulticastRecord =
  | {
      readonly type: 'PTR' | 'A' | 'AAAA';
      readonly name: string;
      readonly ttl: number;
      readonly data: string;
    }
  | {
      readonly type: 'TXT';
      readonly name: string;
      readonly ttl: number;
      readonly data: readonly string[];
    }
  | {
      readonly type: 'SRV';
      readonly name: string;
      readonly ttl: number;
      readonly data: MulticastService;
    };

export interface MulticastService {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface MulticastQuestion {
  readonly name: string;
  readonly type: string;
}

export type MulticastMessage =
  | { readonly kind: 'query'; readonly questions: readonly MulticastQuestion[] }
  | { readonly kind: 'response'; readonly records: readonly MulticastRecord[] };

export interface MulticastDnsOptions {
  /** Messages without this label are none of ours: they are not looked into. */
  readonly label: string;
  /** IPv4 address of the interface to use. Default: listens on all, sends where the system says. */
  readonly interface: string | undefined;
  /** `from` is the IP address of the sender. Own messages come back, too. */
  readonly onMessage: (message: MulticastMessage, from: string) => void;
}

export interface MulticastDns {
  /** Resolves when the system has taken the message; rejects with its error. */
  send(message: MulticastMessage): Promise<void>;
  /** What was sent before has left. Idempotent. */
  close(): Promise<void>;
}

/** Rejects with the system's error where the port cannot be had. */
export type OpenMulticastDns = (options: MulticastDnsOptions) => Promise<MulticastDns>;
