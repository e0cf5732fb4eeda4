/** Ways to find nodes, and the three forms in which a user names whom to join. */
import { type Address, isAddress, isNodeName, type NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Cancellable } from '../observable.ts';

/**
 * Whom to join: an address, a node name (resolved by discovery), or both as `name@host/host:port`,
 * which also checks the name.
 */
export type Contact = string;

/** How a discovery is asked for contacts, and told to announce. */
export interface Asking extends Cancellable {
  /** The cluster of the node that asks, for those who can tell clusters apart. */
  readonly cluster?: string | undefined;
}

/** One way of finding nodes. Several are tried in order, the first hit wins. */
export interface Discovery {
  /** For logs. */
  readonly name: string;
  /** Where that node may be dialled; empty when unknown. */
  resolve(node: NodeName, options: Cancellable): Promise<readonly Address[]>;
  /** Publishes this node's own addresses; withdrawn when the returned handle is disposed. */
  announce?(
    node: NodeName,
    addresses: readonly Address[],
    options: Asking,
  ): Promise<AsyncDisposable>;
  /** Nodes to join. Rejecting says that they are not known now, not that there are none. */
  contacts?(options: Asking): Promise<readonly Contact[]>;
}

/** A contact taken apart. */
export type ParsedContact =
  | { readonly kind: 'address'; readonly address: Address }
  | { readonly kind: 'node'; readonly node: NodeName }
  | { readonly kind: 'nodeAt'; readonly node: NodeName; readonly address: Address };

/** @throws ERR_OPTION for what is none of the three forms. */
export function parseContact(text: Contact): ParsedContact {
  const contact = readContact(text);
  if (contact !== undefined) return contact;
  throw new BarrelError(
    'ERR_OPTION',
    'a contact is host:port, name@host or name@host/host:port,' +
      ` received ${JSON.stringify(text.slice(0, 300))}`,
  );
}

/** True for what `parseContact` takes. */
export function isContact(text: string): boolean {
  return readContact(text) !== undefined;
}

function readContact(text: string): ParsedContact | undefined {
  const slash = text.indexOf('/');
  if (slash === -1) {
    if (isNodeName(text)) return { kind: 'node', node: text };
    return isAddress(text) ? { kind: 'address', address: text } : undefined;
  }
  const node = text.slice(0, slash);
  const address = text.slice(slash + 1);
  return isNodeName(node) && isAddress(address) ? { kind: 'nodeAt', node, address } : undefined;
}
