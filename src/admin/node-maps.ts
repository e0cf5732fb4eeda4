/** Answers what the `barrel map` command asks of the maps that a node hosts. */
import type { BarrelNode } from '../barrel-node.ts';
import { BarrelError } from '../errors.ts';
import { EventStream } from './control-server.ts';
import { toJson } from './json-value.ts';
import type { EntryReport, MapEventReport, MapQuery, MapReport } from './map-queries.ts';

type Maps = BarrelNode['maps'];
type ReplicatedMap = NonNullable<ReturnType<Maps['get']>>;

/** @throws ERR_NOT_FOUND for a map that the node does not host, and what the map throws. */
export async function answerMaps(
  maps: Maps,
  query: MapQuery,
  signal: AbortSignal,
): Promise<unknown> {
  if (query.method === 'maps') return reportMaps(maps);
  const map = hosted(maps, query.map);
  switch (query.method) {
    case 'mapGet':
      return entryOf(map, query);
    case 'mapPut':
      await map.put(query.key, query.value, { ttlMs: query.ttlMs, signal });
      return null;
    case 'mapRemove':
      await map.remove(query.key, { signal });
      return null;
    case 'mapWatch':
      // Listens before anything is awaited: the client misses nothing after its question.
      return new EventStream(eventsOf(map.events({ signal })));
  }
}

function reportMaps(maps: Maps): readonly MapReport[] {
  return maps
    .list()
    .map(({ name, size, persist, handles }) => ({ name, entries: size, persist, handles }));
}

function hosted(maps: Maps, name: string): ReplicatedMap {
  const map = maps.get(name);
  if (map !== undefined) return map;
  throw new BarrelError(
    'ERR_NOT_FOUND',
    `this node does not host a map ${JSON.stringify(name)}; it hosts what its program opens`,
  );
}

function entryOf(
  map: ReplicatedMap,
  { key }: Extract<MapQuery, { method: 'mapGet' }>,
): EntryReport {
  // An entry may have the value undefined.
  return map.has(key) ? { value: toJson(map.get(key)) } : null;
}

async function* eventsOf(
  events: ReturnType<ReplicatedMap['events']>,
): AsyncGenerator<MapEventReport> {
  for await (const event of events) {
    switch (event.type) {
      case 'put':
        yield { type: 'put', key: toJson(event.key), value: toJson(event.value) };
        break;
      case 'remove':
        yield { type: 'remove', key: toJson(event.key) };
        break;
      case 'lagged':
        yield event;
        break;
    }
  }
}
