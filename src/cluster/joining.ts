/**
 * Joining through a contact: a link to it, then a place in the overlay, which it gives itself or
 * for which it names others when too many come at once.
 */
import type { PeerDescriptor } from '../core/membership/peer.ts';
import type { NodeName } from '../core/names.ts';
import { unreachable } from '../core/unreachable.ts';
import { type Contact, parseContact } from '../discovery/discovery.ts';
import { BarrelError } from '../errors.ts';
import type { Cluster } from './cluster.ts';
import type { Link } from './link.ts';

/** A newcomer that is sent on so often in a row finds the cluster too busy. */
const REDIRECTS_MAX = 8;

/**
 * Resolves with the name of the node that accepted.
 * @throws ERR_SELF, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_REFUSED, ERR_CLOSED when a `leave` overtook
 * it, or the signal's reason.
 */
export async function joinThrough(
  cluster: Cluster,
  contact: Contact,
  signal?: AbortSignal,
): Promise<NodeName> {
  const link = await linkTo(cluster, contact, signal);
  // Neighbours hear of this node as soon as they accept it, so it must take part before.
  cluster.announce();
  try {
    const contactNode = await accepted(cluster, link, signal);
    cluster.confirm();
    return contactNode;
  } catch (error) {
    cluster.retract();
    throw error;
  }
}

async function accepted(cluster: Cluster, contact: Link, signal?: AbortSignal): Promise<NodeName> {
  let link = contact;
  for (let redirects = 0; ; redirects += 1) {
    const result = await cluster.overlay.join(link, signal);
    switch (result.kind) {
      case 'accepted':
        return result.contact;
      case 'redirected':
        if (redirects === REDIRECTS_MAX) throw refused(link, 'is busy with newcomers');
        link = await firstLink(cluster, result.peers, link, signal);
        break;
      case 'refused':
        throw refused(link, 'left the cluster, is busy, or its link was lost');
      case 'timedOut':
        throw new BarrelError('ERR_TIMEOUT', `${link.node} did not answer the join`, {
          node: link.node,
        });
      case 'left':
        throw new BarrelError('ERR_CLOSED', 'this node left before it was accepted');
      default:
        unreachable(result);
    }
  }
}

function linkTo(cluster: Cluster, contact: Contact, signal?: AbortSignal): Promise<Link> {
  const parsed = parseContact(contact);
  if (parsed.kind === 'address') return cluster.dialler.toAddress(parsed.address, signal);
  if (parsed.node === cluster.self.node) {
    throw new BarrelError('ERR_SELF', `${parsed.node} is this node itself`);
  }
  const hints = parsed.kind === 'nodeAt' ? [parsed.address] : [];
  return cluster.dialler.toNode(parsed.node, { hints, signal });
}

async function firstLink(
  cluster: Cluster,
  peers: readonly PeerDescriptor[],
  redirecting: Link,
  signal?: AbortSignal,
): Promise<Link> {
  let failure: unknown = refused(redirecting, 'is busy and knows nobody else');
  for (const { node, addresses } of peers) {
    try {
      return await cluster.dialler.toNode(node, { hints: addresses, signal });
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

function refused({ node }: Link, why: string): BarrelError {
  return new BarrelError('ERR_REFUSED', `${node} ${why}`, { reason: 'overloaded', node });
}
