/**
 * The frames by which both ends of a link agree on its end: kinds 88 to 91 of the control channel.
 * They are not counted among the frames that they count.
 */
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';

/** `idle`: nobody uses it. `room`: others are used more, and there are too many. */
export type PartingCause = 'idle' | 'room';

export type EconomyMessage =
  /** Shall the link end? This end has sent so many frames on it. */
  | {
      readonly kind: 'propose';
      readonly round: number;
      readonly cause: PartingCause;
      readonly framesSent: number;
    }
  /** Yes: all those have come, so many were sent, and none will be until the link has ended. */
  | { readonly kind: 'agree'; readonly round: number; readonly framesSent: number }
  /** No. */
  | { readonly kind: 'refuse'; readonly round: number }
  /** The link goes on, although the other end has agreed. */
  | { readonly kind: 'withdraw'; readonly round: number };

const PROPOSE = 88;
const AGREE = 89;
const REFUSE = 90;
const WITHDRAW = 91;
const CAUSES: readonly PartingCause[] = ['idle', 'room'];

export const ECONOMY_KINDS: readonly number[] = [PROPOSE, AGREE, REFUSE, WITHDRAW];

export function isEconomyKind(kind: number): boolean {
  return kind >= PROPOSE && kind <= WITHDRAW;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeEconomy(message: EconomyMessage): Uint8Array {
  const { round } = message;
  const writer = new Writer();
  switch (message.kind) {
    case 'propose': {
      const cause = CAUSES.indexOf(message.cause);
      return writer.uint(PROPOSE).uint(round).uint(cause).uint(message.framesSent).take();
    }
    case 'agree':
      return writer.uint(AGREE).uint(round).uint(message.framesSent).take();
    case 'refuse':
      return writer.uint(REFUSE).uint(round).take();
    case 'withdraw':
      return writer.uint(WITHDRAW).uint(round).take();
    default:
      return unreachable(message);
  }
}

/** @throws WireError when it is no message of these, or has bytes left. */
export function decodeEconomy(frame: Uint8Array): EconomyMessage {
  const reader = new Reader(frame);
  const message = read(reader, reader.uint());
  reader.end();
  return message;
}

function read(reader: Reader, kind: number): EconomyMessage {
  const round = reader.uint();
  switch (kind) {
    case PROPOSE:
      return { kind: 'propose', round, cause: readCause(reader), framesSent: reader.uint() };
    case AGREE:
      return { kind: 'agree', round, framesSent: reader.uint() };
    case REFUSE:
      return { kind: 'refuse', round };
    case WITHDRAW:
      return { kind: 'withdraw', round };
    default:
      throw new WireError('no word about the end of a link');
  }
}

function readCause(reader: Reader): PartingCause {
  const cause = CAUSES[reader.uint()];
  if (cause === undefined) throw new WireError('an unknown cause to end a link');
  return cause;
}
