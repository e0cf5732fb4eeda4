/**
 * Everything that reads bytes of a peer, or of a disk, with good bytes for it. `decoders.test.ts`
 * finds a function that decodes and does not stand here.
 */
import { decodeDelta, encodeDelta } from '../../../src/cluster/store-delta.ts';
import { decodeAttest, encodeAttest } from '../../../src/core/election/attest-frames.ts';
import { decodeBallot, encodeBallot } from '../../../src/core/election/ballot.ts';
import { decodeCandidate, encodeCandidate } from '../../../src/core/election/candidate-codec.ts';
import {
  decodeTerm,
  encodeTerm,
  readTerm,
  readToken,
} from '../../../src/core/election/term-record.ts';
import { decodeVote, encodeVote } from '../../../src/core/election/vote-record.ts';
import { readVoters, writeVoters } from '../../../src/core/election/voters.ts';
import { decodeGossip, encodeGossip } from '../../../src/core/gossip/messages.ts';
import { decodeEconomy, encodeEconomy } from '../../../src/core/links/economy-messages.ts';
import { decodeMembership, encodeMembership } from '../../../src/core/membership/messages.ts';
import {
  readAddress,
  readIncarnation,
  readNode,
  readPeer,
  writePeer,
} from '../../../src/core/membership/peer.ts';
import { decodeOverlay } from '../../../src/core/overlay/frames.ts';
import { decodeCustody, encodeCustody } from '../../../src/core/placement/custody-codec.ts';
import { readEntry, writeEntry as writeRosterEntry } from '../../../src/core/roster/entry-codec.ts';
import {
  decodeEntries,
  decodeLiveness,
  encodeEntries,
  encodeLiveness,
} from '../../../src/core/roster/messages.ts';
import { decodeRouting, encodeRouting } from '../../../src/core/routing/messages.ts';
import {
  decodeRecord as decodeReminder,
  encodeRecord,
  isClaimedValue,
} from '../../../src/core/schedule/record-codec.ts';
import { readReminderId, reminderId } from '../../../src/core/schedule/reminder-id.ts';
import { bytesOfText, decodeText, textOfBytes } from '../../../src/core/store/binary-text.ts';
import {
  decodeEntry,
  encodeEntry,
  readEntries,
  readReplica,
  writeEntries,
  writeReplica,
} from '../../../src/core/store/entry-codec.ts';
import {
  decodeExchange,
  encodeExchange,
  readKnowledge,
  writeKnowledge,
} from '../../../src/core/store/exchange/exchange-codec.ts';
import {
  decodeHeard,
  decodeKept,
  encodeHeard,
  encodeKept,
  readRanges,
  writeRanges,
} from '../../../src/core/store/knowledge-codec.ts';
import { readSymbols, writeSymbols } from '../../../src/core/store/sketch/symbols-codec.ts';
import { encodeFrame, FrameReader } from '../../../src/core/wire/frame.ts';
import { decodeKey } from '../../../src/core/wire/key.ts';
import { Reader } from '../../../src/core/wire/reader.ts';
import { decodeValue } from '../../../src/core/wire/value.ts';
import { decodeVarint, encodeVarint, readVarint } from '../../../src/core/wire/varint.ts';
import { Writer } from '../../../src/core/wire/writer.ts';
import { decodeEndorsement, endorse } from '../../../src/identity/endorsement.ts';
import {
  decodeAdmission,
  decodeReject,
  encodeAccept,
  encodeHello,
  encodeReject,
} from '../../../src/identity/hello.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import { decodeCertificates, issue } from '../../../src/identity/node-certificate.ts';
import { readRevocation, revoke } from '../../../src/identity/revocation.ts';
import { SKETCH_SYMBOLS_MAX } from '../../../src/limits.ts';
import { keyOfText } from '../../../src/maps/map-key.ts';
import { decodeMove, encodeMove } from '../../../src/paths/move-frames.ts';
import { readFailure, readReason } from '../../../src/processes/failure-codec.ts';
import { readFrame } from '../../../src/processes/frames.ts';
import {
  decodeRecord as decodeService,
  encodeDown,
  encodeLive,
} from '../../../src/services/service-record.ts';
import { encodePreamble, PreambleReader } from '../../../src/streams/preamble.ts';
import { SeededRandom } from '../../../src/testing/index.ts';
import { decodeTopic, encodeTopic } from '../../../src/topics/topic-payload.ts';
import { decodeDatagram, encodeDatagram } from '../../../src/transport/memory/tunnel-datagrams.ts';
import { initialHeaderOf, routeOf } from '../../../src/transport/quic/datagram.ts';
import {
  encodeSecretRefusal,
  isSecretRefusal,
} from '../../../src/transport/quic/secret-refusal.ts';
import {
  decodeCreditFrame,
  decodeStreamFrame,
  encodeCredit,
  encodeStop,
  encodeStreamFrame,
} from '../../../src/transport/streams/stream-frames.ts';
import {
  decodeRotate,
  decodeRotated,
  encodeRotate,
  encodeRotated,
} from '../../../src/trust/rotation-frames.ts';
import * as sample from './samples.ts';

export interface Decoder {
  /** File below `src/`, and the function or class in it that it covers. */
  readonly name: string;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly samples: readonly Uint8Array[];
}

/** Reads the fields that a function of its own reads in a frame. */
function fields(read: (reader: Reader) => unknown): (bytes: Uint8Array) => unknown {
  return (bytes) => {
    const reader = new Reader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  };
}

function written<T>(
  parts: readonly T[],
  write: (writer: Writer, part: T) => unknown,
): Uint8Array[] {
  return parts.map((part) => {
    const writer = new Writer();
    write(writer, part);
    return writer.take();
  });
}

const membershipFrames = sample.membership.map(encodeMembership);
const gossipFrames = sample.gossip.map(encodeGossip);
const livenessFrames = sample.liveness.map(encodeLiveness);
const writeText = (writer: Writer, text: string): Writer => writer.string(text);
const nodeFields = written(['a@host', 'worker-17@10.0.0.17'], writeText);
const addressFields = written(['127.0.0.1:9', '[::1]:4433'], writeText);
const exchangeFrames = sample.exchange.map((body) =>
  encodeExchange({ exchange: 12, isAsking: true, body }),
);
const reminderRecords = sample.reminders.map(encodeRecord);
const failures = sample.processFrames.filter(([kind]) => kind === 4).map((f) => f.subarray(2));
const numbers = [0, 63, 64, 16_383, 16_384, 2 ** 30, 2 ** 53 - 1].map(encodeVarint);
const secretRefusal = encodeSecretRefusal({
  destinationId: new Uint8Array(16).fill(1),
  sourceId: new Uint8Array(16).fill(2),
  token: new Uint8Array(0),
  end: 0,
});
/** A first packet of 1,200 bytes with ids, a token and a length. */
const firstPacket = new Uint8Array(1_200);
firstPacket.set([0xc0, 0, 0, 0, 1, 16, ...new Uint8Array(16).fill(1), 16]);
firstPacket.set([...new Uint8Array(16).fill(2), 3, 7, 8, 9, 0x40, 200], 23);

const keyPair = createKeyPair(new SeededRandom(3));
const { publicKey } = keyPair;
const endorsement = endorse(
  keyPair.privateKeyPem,
  { oldKey: publicKey, newKey: new Uint8Array(32).fill(9), seq: 1 },
  { cluster: 'default', name: 'a@host' },
);
const certificate = issue(keyPair.privateKeyPem, {
  pattern: 'web-*@host',
  publicKey,
  serial: 2n ** 60n,
  notBeforeMs: 1,
  notAfterMs: 2_000_000_000_000,
  mayIssue: false,
});

export const DECODERS: readonly Decoder[] = [
  {
    name: 'identity/hello.ts:decodeAdmission',
    decode: decodeAdmission,
    samples: [
      encodeHello(sample.hello),
      encodeHello({ ...sample.hello, dialled: undefined, proof: undefined, addresses: [] }),
      encodeAccept(),
      encodeReject({ reason: 'secret', detail: 'no', seenIncarnation: 7n }),
    ],
  },
  {
    name: 'identity/hello.ts:decodeReject',
    decode: decodeReject,
    samples: [
      encodeReject({ reason: 'overloaded', detail: 'no room', seenIncarnation: undefined }),
    ],
  },
  {
    name: 'core/overlay/frames.ts:decodeOverlay',
    decode: (bytes) => decodeOverlay(bytes[0] ?? 0, bytes),
    samples: [...membershipFrames, ...gossipFrames, ...livenessFrames],
  },
  {
    name: 'core/membership/messages.ts:decodeMembership',
    decode: decodeMembership,
    samples: membershipFrames,
  },
  { name: 'core/gossip/messages.ts:decodeGossip', decode: decodeGossip, samples: gossipFrames },
  {
    name: 'core/roster/messages.ts:decodeLiveness',
    decode: decodeLiveness,
    samples: livenessFrames,
  },
  {
    name: 'core/roster/messages.ts:decodeEntries',
    decode: decodeEntries,
    samples: [encodeEntries(sample.rosterEntries)],
  },
  {
    name: 'core/roster/entry-codec.ts:readEntry',
    decode: fields(readEntry),
    samples: written(sample.rosterEntries, writeRosterEntry),
  },
  {
    name: 'core/membership/peer.ts:readPeer',
    decode: fields(readPeer),
    samples: written(sample.peers, writePeer),
  },
  { name: 'core/membership/peer.ts:readNode', decode: fields(readNode), samples: nodeFields },
  {
    name: 'core/membership/peer.ts:readAddress',
    decode: fields(readAddress),
    samples: addressFields,
  },
  {
    name: 'core/membership/peer.ts:readIncarnation',
    decode: fields((r) => readIncarnation(r, 'a@host')),
    samples: written([0n, 1n, 2n ** 62n], (w, value) => w.big(value)),
  },
  {
    name: 'core/routing/messages.ts:decodeRouting',
    decode: decodeRouting,
    samples: sample.routing.map(encodeRouting),
  },
  {
    name: 'core/placement/custody-codec.ts:decodeCustody',
    decode: decodeCustody,
    samples: sample.custody.map(encodeCustody),
  },
  {
    name: 'core/election/ballot.ts:decodeBallot',
    decode: decodeBallot,
    samples: sample.ballots.map(encodeBallot),
  },
  {
    name: 'core/election/attest-frames.ts:decodeAttest',
    decode: decodeAttest,
    samples: [encodeAttest({ kind: 'ask', nonce: 5 }), encodeAttest({ kind: 'attest', nonce: 9 })],
  },
  {
    name: 'core/election/candidate-codec.ts:decodeCandidate',
    decode: decodeCandidate,
    samples: [
      encodeCandidate({ priority: -3, isSticky: true, serial: 7, voters: sample.voters, term: 9n }),
      encodeCandidate({ priority: 0, isSticky: false, serial: 1, term: undefined }),
    ],
  },
  {
    name: 'core/election/vote-record.ts:decodeVote',
    decode: decodeVote,
    samples: [encodeVote({ ...sample.term, voters: sample.voters })],
  },
  {
    name: 'core/election/voters.ts:readVoters',
    decode: fields(readVoters),
    samples: written([sample.voters, ['a@h']], writeVoters),
  },
  {
    name: 'core/election/term-record.ts:decodeTerm',
    decode: decodeTerm,
    samples: [encodeTerm(sample.term)],
  },
  {
    name: 'core/election/term-record.ts:readTerm',
    decode: fields(readTerm),
    samples: [encodeTerm(sample.term)],
  },
  {
    name: 'core/election/term-record.ts:readToken',
    decode: fields(readToken),
    samples: written([1n, 2n ** 62n], (w, token) => w.big(token)),
  },
  {
    name: 'core/store/exchange/exchange-codec.ts:decodeExchange',
    decode: decodeExchange,
    samples: exchangeFrames,
  },
  {
    name: 'core/store/exchange/exchange-codec.ts:readKnowledge',
    decode: fields(readKnowledge),
    samples: written([sample.knowledge], writeKnowledge),
  },
  {
    name: 'core/store/sketch/symbols-codec.ts:readSymbols',
    decode: fields((r) => readSymbols(r, SKETCH_SYMBOLS_MAX)),
    samples: written([sample.symbols], writeSymbols),
  },
  {
    name: 'core/store/entry-codec.ts:readReplica',
    decode: fields(readReplica),
    samples: written([sample.replica], writeReplica),
  },
  {
    name: 'core/store/entry-codec.ts:readEntries',
    decode: fields(readEntries),
    samples: written([sample.entries, []], writeEntries),
  },
  {
    name: 'core/store/entry-codec.ts:decodeEntry',
    decode: decodeEntry,
    samples: sample.entries.map(encodeEntry),
  },
  {
    name: 'core/store/knowledge-codec.ts:decodeKept',
    decode: decodeKept,
    samples: [encodeKept(sample.kept), encodeKept({ ...sample.kept, knowledge: undefined })],
  },
  {
    name: 'core/store/knowledge-codec.ts:decodeHeard',
    decode: decodeHeard,
    samples: [encodeHeard({ replica: sample.replica, had: sample.ranges })],
  },
  {
    name: 'core/store/knowledge-codec.ts:readRanges',
    decode: fields((r) => readRanges(r, 512)),
    samples: written([sample.ranges], writeRanges),
  },
  {
    name: 'core/store/binary-text.ts:decodeText',
    decode: (bytes) => decodeText(textOfBytes(bytes)),
    samples: [new TextEncoder().encode('röle')],
  },
  {
    name: 'cluster/store-delta.ts:decodeDelta',
    decode: decodeDelta,
    samples: [
      encodeDelta({ store: 'services', entries: sample.entries, after: 5n }),
      encodeDelta({ store: 'map:x', entries: [] }),
    ],
  },
  {
    name: 'core/schedule/record-codec.ts:decodeRecord',
    decode: decodeReminder,
    samples: reminderRecords,
  },
  {
    name: 'core/schedule/record-codec.ts:isClaimedValue',
    decode: isClaimedValue,
    samples: reminderRecords,
  },
  {
    name: 'core/schedule/reminder-id.ts:readReminderId',
    decode: (bytes) => readReminderId(textOfBytes(bytes)),
    samples: sample.keyBytes.map((key) => bytesOfText(reminderId(textOfBytes(key), 5n))),
  },
  {
    name: 'services/service-record.ts:decodeRecord',
    decode: decodeService,
    samples: [encodeLive(7, { zone: 'n', tags: ['a', 1] }), encodeDown(7, { name: 'Error' })],
  },
  {
    name: 'topics/topic-payload.ts:decodeTopic',
    decode: (bytes) => decodeTopic(bytes).message(),
    samples: [encodeTopic('orders', { id: 7n }), encodeTopic('t', null)],
  },
  { name: 'processes/frames.ts:readFrame', decode: readFrame, samples: sample.processFrames },
  {
    name: 'processes/failure-codec.ts:readFailure',
    decode: fields(readFailure),
    samples: failures,
  },
  {
    name: 'processes/failure-codec.ts:readReason',
    decode: fields(readReason),
    samples: written(['normal', { a: 1 }], (w, reason) => w.value(reason)),
  },
  { name: 'core/wire/value.ts:decodeValue', decode: decodeValue, samples: sample.values },
  { name: 'core/wire/key.ts:decodeKey', decode: decodeKey, samples: sample.keyBytes },
  {
    name: 'maps/map-key.ts:keyOfText',
    decode: (bytes) => keyOfText(textOfBytes(bytes)),
    samples: sample.keyBytes,
  },
  { name: 'core/wire/varint.ts:decodeVarint', decode: decodeVarint, samples: numbers },
  {
    name: 'core/wire/varint.ts:readVarint',
    decode: (bytes) => readVarint(bytes, 0),
    samples: numbers,
  },
  {
    name: 'core/wire/frame.ts:FrameReader',
    decode: (bytes) => {
      const reader = new FrameReader(1_000);
      for (const end of [3, bytes.length]) {
        reader.push(bytes.subarray(end === 3 ? 0 : 3, end), (frame) => frame[0]);
      }
      return reader.bufferedBytes;
    },
    samples: sample.keyBytes.map((body) => encodeFrame(body)),
  },
  {
    name: 'transport/memory/tunnel-datagrams.ts:decodeDatagram',
    decode: decodeDatagram,
    samples: [
      encodeDatagram({ kind: 'ack', received: 7, readBytes: 900 }),
      encodeDatagram({ kind: 'hello', key: new Uint8Array(32) }),
      encodeDatagram({
        kind: 'parcel',
        sequence: 3,
        parcel: { kind: 'part', channel: 2, bytes: new Uint8Array(20) },
      }),
    ],
  },
  {
    name: 'transport/quic/datagram.ts:routeOf',
    decode: routeOf,
    samples: [firstPacket, secretRefusal, new Uint8Array(40).fill(0x41)],
  },
  {
    name: 'transport/quic/datagram.ts:initialHeaderOf',
    decode: initialHeaderOf,
    samples: [firstPacket],
  },
  {
    name: 'transport/quic/secret-refusal.ts:isSecretRefusal',
    decode: isSecretRefusal,
    samples: [secretRefusal, firstPacket],
  },
  {
    name: 'core/links/economy-messages.ts:decodeEconomy',
    decode: decodeEconomy,
    samples: [
      encodeEconomy({ kind: 'propose', round: 3, cause: 'room', framesSent: 70_000 }),
      encodeEconomy({ kind: 'agree', round: 3, framesSent: 2 }),
      encodeEconomy({ kind: 'refuse', round: 3 }),
      encodeEconomy({ kind: 'withdraw', round: 3 }),
    ],
  },
  {
    name: 'transport/streams/stream-frames.ts:decodeCreditFrame',
    decode: decodeCreditFrame,
    samples: [encodeCredit({ id: 8, limit: 2 ** 40 }), encodeStop({ id: 8, code: 7 })],
  },
  {
    name: 'transport/streams/stream-frames.ts:decodeStreamFrame',
    decode: decodeStreamFrame,
    samples: [
      encodeStreamFrame({ kind: 'bytes', id: 4, bytes: new Uint8Array(30).fill(5) }),
      encodeStreamFrame({ kind: 'end', id: 4 }),
      encodeStreamFrame({ kind: 'reset', id: 4, code: 9 }),
    ],
  },
  {
    name: 'identity/endorsement.ts:decodeEndorsement',
    decode: decodeEndorsement,
    samples: [endorsement],
  },
  {
    name: 'identity/node-certificate.ts:decodeCertificates',
    decode: decodeCertificates,
    samples: [certificate],
  },
  {
    name: 'identity/revocation.ts:readRevocation',
    decode: (bytes) => readRevocation(bytes, keyPair.publicKey),
    samples: [
      revoke(keyPair.privateKeyPem, { kind: 'serial', serial: 77n }, 9),
      revoke(keyPair.privateKeyPem, { kind: 'key', publicKey: keyPair.publicKey }, 9),
    ],
  },
  {
    name: 'trust/rotation-frames.ts:decodeRotate',
    decode: decodeRotate,
    samples: [
      encodeRotate({
        endorsements: [endorsement, endorsement],
        countersignature: new Uint8Array(64).fill(7),
      }),
    ],
  },
  {
    name: 'trust/rotation-frames.ts:decodeRotated',
    decode: decodeRotated,
    samples: [encodeRotated(7)],
  },
  {
    name: 'paths/move-frames.ts:decodeMove',
    decode: decodeMove,
    samples: [
      encodeMove({ kind: 'move', id: 7, addresses: [':4433', '10.0.0.7:9', '[::1]:4433'] }),
      encodeMove({ kind: 'moved', id: 7, fault: undefined }),
      encodeMove({ kind: 'moved', id: 7, fault: 'ERR_TIMEOUT' }),
    ],
  },
  {
    name: 'streams/preamble.ts:PreambleReader',
    decode: (bytes) => new PreambleReader().push(bytes),
    samples: [encodePreamble('files'), Uint8Array.of(...encodePreamble('röle'), 1, 2, 3)],
  },
];
