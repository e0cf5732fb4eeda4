/** Random messages of membership, from whatever parts a test finds likely. */
import fc from 'fast-check';
import type { MembershipMessage } from '../../../../src/core/membership/messages.ts';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';

export interface MessageParts {
  readonly peer: fc.Arbitrary<PeerDescriptor>;
  readonly peers: fc.Arbitrary<PeerDescriptor[]>;
  readonly serial: fc.Arbitrary<number>;
  readonly hopsLeft: fc.Arbitrary<number>;
}

export function anyMembershipMessage(parts: MessageParts): fc.Arbitrary<MembershipMessage> {
  const { peer, peers, serial, hopsLeft } = parts;
  return fc.oneof(
    fc.record({ kind: fc.constant('join' as const), requestId: serial }),
    fc.record({
      kind: fc.constant('joinReply' as const),
      requestId: serial,
      outcome: fc.constantFrom('accepted' as const, 'refused' as const, 'redirected' as const),
      peers,
    }),
    fc.record({ kind: fc.constant('forwardJoin' as const), newcomer: peer, hopsLeft }),
    fc.record({
      kind: fc.constant('neighbor' as const),
      requestId: serial,
      priority: fc.constantFrom('high' as const, 'low' as const),
    }),
    fc.record({
      kind: fc.constant('neighborReply' as const),
      requestId: serial,
      accepted: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('disconnect' as const),
      reason: fc.constantFrom('evicted' as const, 'left' as const, 'mismatch' as const),
    }),
    fc.record({
      kind: fc.constant('shuffle' as const),
      shuffleId: serial,
      origin: peer,
      hopsLeft,
      peers,
    }),
    fc.record({ kind: fc.constant('shuffleReply' as const), shuffleId: serial, peers }),
    fc.constant({ kind: 'keepAlive' as const }),
  );
}
