/**
 * The ids of reminders: keys of the replicated store. Each `set` makes a new one, of the key and
 * the version; its removal is final, so nothing that is still on its way touches a later `set`. An
 * occurrence that left its series, to be handled beside the next one or because it is dead, has an
 * id of its own with its number in it.
 *
 * The bytes of the key come first. No key's bytes begin with those of another, so a prefix finds
 * all ids of a key.
 */
import type { Stamp } from '../clock/stamp.ts';
import { STAMP_BYTES, stampBytes, stampOfBytes } from '../clock/stamp.ts';
import { bytesOfText, textOfBytes } from '../store/binary-text.ts';
import { decodeKey, type Key, readKeyBytes } from '../wire/key.ts';
import { WireError } from '../wire/wire-error.ts';

const SERIES = '\0';
const OCCURRENCE = '\x01';
const OCCURRENCE_BYTES = 6;

/** What an id says. */
export interface IdParts {
  readonly key: Key;
  readonly version: Stamp;
  /** Undefined for the reminder itself. */
  readonly occurrence: number | undefined;
}

/** A key's canonical bytes as a string. @throws ERR_VALUE for what is no key. */
export function keyTextOf(key: Key): string {
  return readKeyBytes(key, textOfBytes);
}

export function keyOf(keyText: string): Key {
  return decodeKey(bytesOfText(keyText));
}

export function reminderId(keyText: string, version: Stamp): string {
  return keyText + textOfBytes(stampBytes(version)) + SERIES;
}

/** The id of one occurrence of the reminder with that id. */
export function occurrenceId(id: string, occurrence: number): string {
  return id.slice(0, -1) + textOfBytes(occurrenceBytes(occurrence)) + OCCURRENCE;
}

export function isOccurrenceId(id: string): boolean {
  return id.endsWith(OCCURRENCE);
}

/** The part of the id that is the key. */
export function keyPartOf(id: string): string {
  return id.slice(0, id.length - tailLength(id));
}

/** The part that is the version: as texts they have the order of their versions. */
export function versionPartOf(id: string): string {
  const start = id.length - tailLength(id);
  return id.slice(start, start + STAMP_BYTES);
}

export function versionOf(id: string): Stamp {
  return stampOfBytes(bytesOfText(versionPartOf(id))) ?? 0n;
}

/** @throws WireError for what is no id. */
export function readReminderId(id: string): IdParts {
  const last = id.at(-1);
  const isOne = last === SERIES || last === OCCURRENCE;
  if (!isOne || id.length <= tailLength(id)) throw new WireError('not the id of a reminder');
  return {
    key: keyOf(keyPartOf(id)),
    version: versionOf(id),
    occurrence: isOccurrenceId(id) ? occurrenceOf(id) : undefined,
  };
}

function tailLength(id: string): number {
  return STAMP_BYTES + 1 + (isOccurrenceId(id) ? OCCURRENCE_BYTES : 0);
}

function occurrenceOf(id: string): number {
  let occurrence = 0;
  for (const byte of bytesOfText(id.slice(-1 - OCCURRENCE_BYTES, -1))) {
    occurrence = occurrence * 256 + byte;
  }
  return occurrence;
}

function occurrenceBytes(occurrence: number): Uint8Array {
  const bytes = new Uint8Array(OCCURRENCE_BYTES);
  let rest = occurrence;
  for (let at = OCCURRENCE_BYTES - 1; at >= 0; at -= 1) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}
