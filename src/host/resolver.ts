/**
 * Questions to the domain name system, as discovery asks them. What is answered is a hint: nothing
 * in it is proven.
 */

/** An A or AAAA record. */
export interface ResolvedAddress {
  /** An IPv4 or IPv6 literal, without brackets. */
  readonly ip: string;
  /** How long it may be kept; undefined where the resolver does not say. */
  readonly ttlMs: number | undefined;
}

/** An SRV record (RFC 2782). */
export interface ServiceRecord {
  /** A host name; empty or `.` when the service is expressly not there. */
  readonly target: string;
  readonly port: number;
  /** The smaller goes first. */
  readonly priority: number;
  /** Share among those of the same priority. */
  readonly weight: number;
}

/**
 * Both resolve with nothing when the name, or such a record of it, does not exist, and reject when
 * nobody said so: no server answered in time, or it failed. An abort ends the question and rejects.
 */
export interface Resolver {
  /** Of a host name: IPv4 first. */
  addresses(host: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]>;
  services(name: string, signal: AbortSignal): Promise<readonly ServiceRecord[]>;
}
