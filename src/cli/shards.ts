/** The commands about placement as a running node sees it: `barrel place`, `barrel shards`. */
import { type AskSettings, ask } from './ask.ts';
import { keyOfWord } from './maps.ts';
import { renderPlace, renderShards } from './shards-report.ts';

export interface PlaceSettings extends AskSettings {
  /** How many owners to print; undefined: the first one alone. */
  readonly count?: number;
}

/** Prints who owns the key. */
export async function printPlace(word: string, settings: PlaceSettings): Promise<void> {
  const { count } = settings;
  const report = await ask(settings, (client) => client.place(keyOfWord(word), count));
  console.log(settings.json === true ? JSON.stringify(report) : renderPlace(report));
}

/** Prints a line for each member, as wide as the terminal. */
export async function printShards(settings: AskSettings): Promise<void> {
  const report = await ask(settings, (client) => client.shards());
  const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
  console.log(settings.json === true ? JSON.stringify(report) : renderShards(report, columns));
}
