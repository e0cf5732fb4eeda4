/**
 * Every option of a node: what it means, its unit, range and default, and where that comes from.
 * `resolveOptions` judges them (see `option-rules.ts`) and fills in what was left out, so that
 * nothing below ever meets an option that is wrong or missing.
 */
import type { EconomyConfig } from './core/links/link-economy.ts';
import { LINK_IDLE_MS_DEFAULT, ON_DEMAND_LINKS_MAX_DEFAULT } from './core/links/link-limits.ts';
import type { Address, NodeName } from './core/names.ts';
import type { Contact, Discovery } from './discovery/discovery.ts';
import { BarrelError } from './errors.ts';
import { bareHost } from './host/endpoint-text.ts';
import type { Host } from './host/host.ts';
import type { Logger } from './host/logger.ts';
import type { TrustMode } from './identity/pin.ts';
import {
  ACTIVE_SIZE_DEFAULT,
  ARWL_DEFAULT,
  HEARTBEAT_MS_DEFAULT,
  LISTEN_HOST_DEFAULT,
  PASSIVE_SIZE_DEFAULT,
  PRWL_DEFAULT,
  RING_SIZE_DEFAULT,
  SUSPICION_MAX_MS_DEFAULT,
  SUSPICION_MIN_MS_DEFAULT,
} from './limits.ts';
import type { MapOptions } from './maps/maps.ts';
import type { Cancellable } from './observable.ts';
import { optionFaults } from './option-rules.ts';
import type { CallQuestion } from './processes/call-authorization.ts';
import type { DialHook } from './transport/pipe.ts';

export type { TrustMode };

/** All of `createNode`'s options. Each may be left out. Unknown ones are refused. */
export interface NodeOptions extends Cancellable {
  /**
   * `name@host`, 3 to 255 bytes, unique in the cluster: letters, digits and `_ . -`.
   * @default `node-<8 hex of its key>@<host name>`: the same at each start with a `dataDir`
   */
  readonly name?: NodeName | undefined;
  /**
   * Nodes of another cluster name are refused. 1 to 255 bytes.
   * @default 'default'
   */
  readonly cluster?: string | undefined;
  /**
   * Join secret that all nodes share: a string of at least 32 characters or at least 16 bytes, at
   * most 1,024 bytes; `barrel keys secret` makes one. Required when `listen.host` is not loopback
   * and `trust` is `'tofu'`, unless `insecure` is true.
   * @default none
   */
  readonly secret?: string | Uint8Array | undefined;
  /**
   * Allows a node that others can reach to admit whoever comes first under a name.
   * @default false
   */
  readonly insecure?: boolean | undefined;
  /** The one UDP socket. */
  readonly listen?:
    | {
        /**
         * IP address or host name to bind; `0.0.0.0` is all of the machine's IPv4 addresses, `::`
         * all of both families.
         * @default '127.0.0.1'
         */
        readonly host?: string | undefined;
        /**
         * 0 to 65535; 0 takes any free port.
         * @default 0
         */
        readonly port?: number | undefined;
      }
    | undefined;
  /**
   * Addresses that others should dial, best first, 1 to 8 of them.
   * @default the bound one; for a wildcard host, the machine's first address that others can reach
   */
  readonly advertise?: readonly Address[] | undefined;
  /**
   * Directory that holds identity and pins, and the control socket, for whose sake its path may
   * have at most 90 bytes. Made with mode 0700 when it does not exist.
   * @default nothing on disk, and an identity that ends with the node
   */
  readonly dataDir?: string | undefined;
  /**
   * Whom to join, at most 64; an own address is skipped.
   * @default none
   */
  readonly contacts?: readonly Contact[] | undefined;
  /**
   * Ways to find nodes, at most 16, asked in order; the first that knows an address wins.
   * @default none
   */
  readonly discovery?: readonly Discovery[] | undefined;
  /**
   * Whose key is admitted: see `TrustMode`. `'strict'` and `'authority'` need a `dataDir`, where
   * the pins and the certified key are.
   * @default 'tofu'
   */
  readonly trust?: TrustMode | undefined;
  /**
   * The operator's raw 32-byte key, and what it has signed for this node's key and name
   * (`barrel authority issue`). Required when `trust` is `'authority'`; with another mode it makes
   * the operator's revocations count.
   * @default none
   */
  readonly authority?:
    | { readonly publicKey: Uint8Array; readonly certificate: Uint8Array }
    | undefined;
  /**
   * Travels in the roster. Plain data, at most 1 KiB encoded.
   * @default {}
   */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Where the node runs, such as a rack or a region, for others to see. 1 to 64 bytes.
   * @default none
   */
  readonly zone?: string | undefined;
  /** The overlay (HyParView, DSN 2007). Use the same values on all nodes. */
  readonly membership?:
    | {
        /**
         * Neighbours to keep, 1 to 64.
         * @default 5: the paper's, for up to 10,000 nodes
         */
        readonly activeSize?: number | undefined;
        /**
         * Spare nodes to know, from `activeSize` to 1,024.
         * @default 30: the paper's
         */
        readonly passiveSize?: number | undefined;
        /**
         * Hops of the walk that introduces a node (ARWL), 1 to 16.
         * @default 6: the paper's
         */
        readonly arwl?: number | undefined;
        /**
         * Hops left at which the walk leaves a spare behind (PRWL), 0 to `arwl`.
         * @default 3: the paper's
         */
        readonly prwl?: number | undefined;
        /**
         * Milliseconds between shuffles of spare nodes, 100 to 600,000.
         * @default 10_000: the reference system's
         */
        readonly shufflePeriodMs?: number | undefined;
      }
    | undefined;
  /** Connections that are not between neighbours: see docs/reference/connections.md. */
  readonly links?:
    | {
        /**
         * Without messages for so long such a connection is closed, when both ends agree;
         * milliseconds, 1,000 to 86,400,000.
         * @default 60_000: a guess
         */
        readonly idleMs?: number | undefined;
        /**
         * How many are kept, 0 to 4,096: of more, those go that were not used for longest, when
         * nothing depends on them.
         * @default 256: about 10 MB
         */
        readonly onDemandMax?: number | undefined;
      }
    | undefined;
  /**
   * Asked for each dial; the pipe that it gives carries the connection, through a relay or tunnel
   * of yours. Undefined is dialled as usual.
   * @default everything is dialled from the node's own socket
   */
  readonly dial?: DialHook | undefined;
  /** How deaths are noticed. */
  readonly liveness?:
    | {
        /**
         * Milliseconds between signs of life on a link that is idle otherwise, 50 to 60,000.
         * @default 500: a dead neighbour is missed within about a second; a guess that holds here
         */
        readonly heartbeatMs?: number | undefined;
        /**
         * Shortest time from a suspicion to a death, when several neighbours share it: from
         * `heartbeatMs` to 600,000.
         * @default 2_000
         */
        readonly suspicionMinMs?: number | undefined;
        /**
         * Longest time from a suspicion to a death, when nobody else shares it: from
         * `suspicionMinMs` to 3,600,000.
         * @default 10_000
         */
        readonly suspicionMaxMs?: number | undefined;
      }
    | undefined;
  /** The ring on which keys are placed, see `node.shards`. */
  readonly shards?:
    | {
        /**
         * Partitions of the ring, 1 to 65,536. The same on all nodes: others are refused with
         * `'parameters'`. Sixty-four or more for each node keep the loads even.
         * @default 4_096: for up to 64 nodes
         */
        readonly ringSize?: number | undefined;
        /**
         * This node's share of the ring is in proportion to it, 0.01 to 100; 0: it owns nothing, as
         * long as another member has a weight.
         * @default 1
         */
        readonly weight?: number | undefined;
        /**
         * How long this node waits for the former holder of a partition before it acquires the
         * partition all the same, in milliseconds, 0 to 3,600,000; 0: it does not wait. Jobs of
         * `shards.run` that have to end have nine tenths of it. Give all nodes the same.
         * @default 10_000
         */
        readonly handOffMs?: number | undefined;
      }
    | undefined;
  /**
   * Maps that the node hosts from its start to its end, by name, at most 256. They are loaded when
   * `createNode` resolves.
   * @default none
   */
  readonly maps?: Readonly<Record<string, MapOptions<unknown>>> | undefined;
  /**
   * Asked for every call that arrives from another node; only `true` lets it through, a throw and a
   * promise do not. The caller of one that is refused gets ERR_UNAUTHORIZED.
   * @default every member may call everything
   */
  readonly authorize?: ((call: CallQuestion) => boolean) | undefined;
  /** Connections that move, see `node.paths`. */
  readonly paths?:
    | {
        /**
         * Move by itself when an address of the machine is gone, or a connection is not answered
         * any more. Nodes that listen on loopback never do.
         * @default true
         */
        readonly auto?: boolean | undefined;
      }
    | undefined;
  /**
   * Milliseconds that `close` waits for calls that this node is answering, then as long again for
   * supervised processes to end, 0 to 3,600,000.
   * @default 10_000
   */
  readonly drainMs?: number | undefined;
  /**
   * Gets the node's log lines. Any object with `debug`, `info`, `warn` and `error`.
   * @default says nothing
   */
  readonly logger?: Logger | undefined;
}

/** All options of one node, judged and complete. */
export interface ResolvedOptions extends Cancellable {
  /** Undefined: made from the key, see `defaultNodeName`. */
  readonly name: NodeName | undefined;
  readonly cluster: string;
  /** A string secret stands here as its UTF-8 bytes. */
  readonly secret: Uint8Array | undefined;
  readonly insecure: boolean;
  readonly listen: { readonly host: string; readonly port: number };
  /** Undefined: known only when the socket is bound. */
  readonly advertise: readonly Address[] | undefined;
  /** As given; may be relative. */
  readonly dataDir: string | undefined;
  readonly contacts: readonly Contact[];
  readonly discovery: readonly Discovery[];
  readonly trust: TrustMode;
  readonly authority: NodeOptions['authority'];
  readonly meta: Readonly<Record<string, unknown>>;
  readonly zone: string | undefined;
  readonly membership: {
    readonly activeSize: number;
    readonly passiveSize: number;
    readonly arwl: number;
    readonly prwl: number;
    readonly shufflePeriodMs: number;
  };
  readonly links: EconomyConfig;
  readonly dial: DialHook | undefined;
  readonly liveness: {
    readonly heartbeatMs: number;
    readonly suspicionMinMs: number;
    readonly suspicionMaxMs: number;
  };
  readonly shards: {
    readonly ringSize: number;
    readonly weight: number;
    readonly handOffMs: number;
  };
  readonly maps: Readonly<Record<string, MapOptions<unknown>>>;
  /** Undefined: every member may call everything. */
  readonly authorize: ((call: CallQuestion) => boolean) | undefined;
  readonly paths: { readonly auto: boolean };
  readonly drainMs: number;
  readonly logger: Logger;
}

/** What the defaults are taken from. */
export type OptionHost = Pick<Host, 'logger'>;

/**
 * Judges all options and fills in the defaults.
 * @throws ERR_OPTION naming every option that is wrong, its rule and the value received.
 */
export function resolveOptions(options: NodeOptions, host: OptionHost): ResolvedOptions {
  const faults = optionFaults(options);
  if (faults.length > 0) throw new BarrelError('ERR_OPTION', faults.join('; '));
  return {
    name: options.name,
    cluster: options.cluster ?? 'default',
    secret: secretBytes(options.secret),
    insecure: options.insecure ?? false,
    listen: {
      host: bareHost(options.listen?.host ?? LISTEN_HOST_DEFAULT),
      port: options.listen?.port ?? 0,
    },
    advertise: options.advertise,
    dataDir: options.dataDir,
    contacts: options.contacts ?? [],
    discovery: options.discovery ?? [],
    trust: options.trust ?? 'tofu',
    authority: options.authority,
    meta: options.meta ?? {},
    zone: options.zone,
    membership: resolveMembership(options.membership),
    links: {
      idleMs: options.links?.idleMs ?? LINK_IDLE_MS_DEFAULT,
      onDemandMax: options.links?.onDemandMax ?? ON_DEMAND_LINKS_MAX_DEFAULT,
    },
    dial: options.dial,
    liveness: resolveLiveness(options.liveness),
    shards: {
      ringSize: options.shards?.ringSize ?? RING_SIZE_DEFAULT,
      weight: options.shards?.weight ?? 1,
      handOffMs: options.shards?.handOffMs ?? 10_000,
    },
    maps: options.maps ?? {},
    authorize: options.authorize,
    paths: { auto: options.paths?.auto ?? true },
    drainMs: options.drainMs ?? 10_000,
    logger: options.logger ?? host.logger,
    signal: options.signal,
  };
}

function resolveMembership(given: NodeOptions['membership'] = {}): ResolvedOptions['membership'] {
  return {
    activeSize: given.activeSize ?? ACTIVE_SIZE_DEFAULT,
    passiveSize: given.passiveSize ?? PASSIVE_SIZE_DEFAULT,
    arwl: given.arwl ?? ARWL_DEFAULT,
    prwl: given.prwl ?? PRWL_DEFAULT,
    shufflePeriodMs: given.shufflePeriodMs ?? 10_000,
  };
}

function resolveLiveness(given: NodeOptions['liveness'] = {}): ResolvedOptions['liveness'] {
  const {
    heartbeatMs = HEARTBEAT_MS_DEFAULT,
    suspicionMinMs = Math.max(SUSPICION_MIN_MS_DEFAULT, heartbeatMs),
    suspicionMaxMs = Math.max(SUSPICION_MAX_MS_DEFAULT, suspicionMinMs),
  } = given;
  return { heartbeatMs, suspicionMinMs, suspicionMaxMs };
}

function secretBytes(secret: string | Uint8Array | undefined): Uint8Array | undefined {
  return typeof secret === 'string' ? new TextEncoder().encode(secret) : secret?.slice();
}
