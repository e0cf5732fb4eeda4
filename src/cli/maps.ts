/** The commands about maps of a running node: `barrel map ls`, `get`, `put`, `rm`, `watch`. */
import { fromJson, toJson } from '../admin/json-value.ts';
import type { MapEventReport } from '../admin/map-queries.ts';
import { encodeKey, type Key } from '../core/wire/key.ts';
import { BarrelError } from '../errors.ts';
import { type AskSettings, ask, printLines } from './ask.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { jsonText } from './printable.ts';
import { renderMapEvent, renderMaps } from './reports.ts';

export interface PutSettings extends AskSettings {
  /** Milliseconds. */
  readonly ttl?: number;
}

export interface EntryWords {
  readonly map: string;
  readonly key: string;
}

export interface PutWords extends EntryWords {
  readonly value: string;
}

export async function printMaps(settings: AskSettings): Promise<void> {
  const maps = await ask(settings, (client) => client.maps());
  console.log(settings.json === true ? JSON.stringify(maps) : renderMaps(maps));
}

/** Prints the value as JSON. */
export async function printEntry({ map, key }: EntryWords, settings: AskSettings): Promise<void> {
  const entry = await ask(settings, (client) => client.mapGet(map, keyOfWord(key)));
  if (entry === undefined) {
    const text = `map ${JSON.stringify(map)} has no key ${JSON.stringify(key)}`;
    throw new CommandError(EXIT.notFound, text);
  }
  const indent = settings.json === true ? undefined : 2;
  console.log(jsonText(toJson(entry.value), indent));
}

/** Prints nothing. */
export async function putEntry(words: PutWords, settings: PutSettings): Promise<void> {
  const { map } = words;
  const [key, value] = [keyOfWord(words.key), valueOfWord(words.value)];
  await ask(settings, (client) => client.mapPut({ map, key, value, ttlMs: settings.ttl }));
}

/** Prints nothing, also when there was nothing to remove. */
export async function removeEntry({ map, key }: EntryWords, settings: AskSettings): Promise<void> {
  await ask(settings, (client) => client.mapRemove(map, keyOfWord(key)));
}

/** Prints changes, each on a line, until it is interrupted or whoever reads has enough. */
export async function watchMap(map: string, settings: AskSettings): Promise<void> {
  const isOver = await ask(settings, (client) =>
    printLines(client, client.mapWatch(map), (event) => lineOf(event, settings)),
  );
  if (isOver) throw new BarrelError('ERR_CLOSED', `map ${JSON.stringify(map)} is hosted no more`);
}

function lineOf(event: MapEventReport, settings: AskSettings): string {
  return settings.json === true ? JSON.stringify(event) : renderMapEvent(event);
}

/** A key is JSON where that is a key, with the tags of values; anything else is a plain string. */
export function keyOfWord(word: string): Key {
  const parsed = parsedWord(word);
  if (parsed === undefined) return word;
  const key = parsed.value as Key;
  if (!isKey(key)) return word;
  checkNumbers(word);
  return key;
}

/** A value is JSON, with the tags of values; what is no JSON is a plain string. */
export function valueOfWord(word: string): unknown {
  const parsed = parsedWord(word);
  if (parsed === undefined) return word;
  checkNumbers(word);
  return parsed.value;
}

/** Undefined for what is no JSON. @throws ERR_VALUE for a tag that is wrong. */
function parsedWord(word: string): { readonly value: unknown } | undefined {
  let json: unknown;
  try {
    json = JSON.parse(word);
  } catch {
    // It needs no quotes then.
    return undefined;
  }
  return { value: fromJson(json) };
}

/** Strings, so that no digits are looked for in them, and numbers. */
const STRINGS_AND_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** @throws ERR_VALUE where JSON has a number that no number here can hold. */
function checkNumbers(json: string): void {
  const lost = json
    .match(STRINGS_AND_NUMBERS)
    ?.find((text) => !text.startsWith('"') && isLost(text));
  if (lost === undefined) return;
  const instead = `'{"$bigint":"7"}' is a bigint, '"7"' a string`;
  throw new BarrelError('ERR_VALUE', `the number ${lost} would not stay what it is; ${instead}`);
}

/** Of fractions the nearest number is what everybody means. */
function isLost(text: string): boolean {
  const number = Number(text);
  if (!Number.isFinite(number)) return true;
  return /^-?\d+$/.test(text) && BigInt(number) !== BigInt(text);
}

function isKey(input: Key): boolean {
  try {
    encodeKey(input);
    return true;
  } catch (error) {
    if (error instanceof BarrelError) return false;
    throw error;
  }
}
