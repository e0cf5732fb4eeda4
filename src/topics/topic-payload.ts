/** What travels in a broadcast of a topic: its name and the encoded message. */
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import { SMALL_VALUE_BYTES_MAX, TOPIC_BYTES_MAX } from '../limits.ts';

export interface TopicPayload {
  readonly topic: string;
  /** Decodes the message; each call gives a new one. */
  message(): unknown;
}

/** @throws ERR_VALUE for a message that may not cross the wire or is over 60 KiB. */
export function encodeTopic(topic: string, message: unknown): Uint8Array {
  return new Writer().string(topic).value(message, SMALL_VALUE_BYTES_MAX).take();
}

/** @throws WireError unless it is a topic and a message. */
export function decodeTopic(payload: Uint8Array): TopicPayload {
  const reader = new Reader(payload);
  const topic = reader.string(TOPIC_BYTES_MAX);
  if (topic === '') throw new WireError('a topic without a name');
  reader.value(SMALL_VALUE_BYTES_MAX);
  reader.end();
  return { topic, message: () => messageOf(payload) };
}

function messageOf(payload: Uint8Array): unknown {
  const reader = new Reader(payload);
  reader.string(TOPIC_BYTES_MAX);
  return reader.value(SMALL_VALUE_BYTES_MAX);
}
