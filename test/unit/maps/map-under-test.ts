/** A node's maps on stores in memory, and what tests ask of them. */
import { encodeValue } from '../../../src/core/wire/value.ts';
import { BarrelError } from '../../../src/errors.ts';
import { type Logger, silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { keyText } from '../../../src/maps/map-key.ts';
import { MapRegistry } from '../../../src/maps/map-registry.ts';
import type { MapEvent, ReplicatedMap } from '../../../src/maps/maps.ts';
import { MemoryStores } from './memory-stores.ts';

export interface MapsUnderTest {
  readonly maps: MapRegistry;
  readonly stores: MemoryStores;
  readonly meter: Meter;
}

export interface MapsSettings {
  readonly logger?: Logger;
  readonly hasDataDir?: boolean;
  readonly stores?: MemoryStores;
}

export function mapsUnderTest(settings: MapsSettings = {}): MapsUnderTest {
  const { logger = silentLogger, hasDataDir = true, stores = new MemoryStores() } = settings;
  const meter = new Meter();
  return { maps: new MapRegistry({ stores, host: { logger, meter }, hasDataDir }), stores, meter };
}

/** An entry of another node comes in; undefined bytes are a removal. */
export function arrive(
  { stores }: MapsUnderTest,
  map: string,
  [key, value]: readonly [key: string | number, value: unknown],
): void {
  const bytes = value === REMOVED ? undefined : encodeValue(value);
  stores.of(map).arrive(keyText(key), bytes);
}

export const REMOVED: unique symbol = Symbol('removed');

/** What the map tells, as short texts. */
export function listen(map: ReplicatedMap<unknown>): string[] {
  const heard: string[] = [];
  const text = (event: MapEvent<unknown>): string =>
    event.type === 'put'
      ? `put ${String(event.key)} ${JSON.stringify(event.value)}`
      : `remove ${String(event.key)}`;
  map.on('put', (event) => heard.push(text(event)));
  map.on('remove', (event) => heard.push(text(event)));
  return heard;
}

/** The code of the error that the work throws or rejects with. */
export async function codeOf(work: () => unknown): Promise<string | undefined> {
  return (await errorOf(work))?.code;
}

export async function errorOf(work: () => unknown): Promise<BarrelError | undefined> {
  try {
    await work();
  } catch (error) {
    if (error instanceof BarrelError) return error;
    throw error;
  }
  return undefined;
}
