/** The frames of the overlay's protocols: which protocol a frame belongs to, by its first byte. */
import { decodeGossip, encodeGossip, isGossipKind } from '../gossip/messages.ts';
import { decodeMembership, encodeMembership, isMembershipKind } from '../membership/messages.ts';
import { decodeLiveness, encodeLiveness, isLivenessKind } from '../roster/messages.ts';
import { unreachable } from '../unreachable.ts';
import type { OverlayMessage } from './contract.ts';

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeOverlay(message: OverlayMessage): Uint8Array {
  switch (message.layer) {
    case 'membership':
      return encodeMembership(message.message);
    case 'gossip':
      return encodeGossip(message.message);
    case 'liveness':
      return encodeLiveness(message.message);
    default:
      return unreachable(message);
  }
}

/**
 * Decodes a frame whose first byte is this kind; undefined when no protocol of the overlay has it.
 * @throws WireError when it is no message of its protocol, breaks a bound, or has bytes left.
 */
export function decodeOverlay(kind: number, frame: Uint8Array): OverlayMessage | undefined {
  if (isMembershipKind(kind)) return { layer: 'membership', message: decodeMembership(frame) };
  if (isGossipKind(kind)) return { layer: 'gossip', message: decodeGossip(frame) };
  if (isLivenessKind(kind)) return { layer: 'liveness', message: decodeLiveness(frame) };
  return undefined;
}
