/** The words of `barrel map` and where they lead. */
import { type Command, Option } from 'commander';
import type { AskSettings } from './ask.ts';
import {
  type PutSettings,
  printEntry,
  printMaps,
  putEntry,
  removeEntry,
  watchMap,
} from './maps.ts';
import { dataDirOption, integer, jsonOption } from './node-settings.ts';

/** How a key is written where no value stands beside it. */
export const KEY_WORDS = `
<key> is JSON where it is a key (a string, number, boolean, list of such, or a tag such as
'{"$bigint":"1"}'), else a plain string: 7 is a number, '"7"' and seven are strings. Write -- before
words that begin with a minus.`;

const WORDS = `
<key> and <value> are JSON where they are (a key: a string, number, boolean, list of such, or a tag
such as '{"$bigint":"1"}'), else plain strings: 7 is a number, '"7"' and seven are strings. Write --
before words that begin with a minus.`;

export function addMaps(program: Command): void {
  const maps = program.command('map').description('Replicated maps that a running node hosts.');
  asking(maps.command('ls').description('List the maps that the node hosts.')).action(
    (settings: AskSettings) => printMaps(settings),
  );
  asking(maps.command('get').description('Print the value of a key, as JSON.'))
    .argument('<map>', 'name of the map')
    .argument('<key>', 'JSON, or a plain string')
    .addHelpText('after', WORDS)
    .action((map: string, key: string, settings: AskSettings) =>
      printEntry({ map, key }, settings),
    );
  addWrites(maps);
  asking(maps.command('watch').description('Print changes from now on, each on a line.'))
    .argument('<map>', 'name of the map')
    .action((map: string, settings: AskSettings) => watchMap(map, settings));
}

function addWrites(maps: Command): void {
  asking(maps.command('put').description('Put a value, in the whole cluster.'))
    .argument('<map>', 'name of the map')
    .argument('<key>', 'JSON, or a plain string')
    .argument('<value>', 'JSON, or a plain string')
    .addOption(new Option('--ttl <ms>', 'when it disappears; default: never').argParser(integer))
    .addHelpText('after', WORDS)
    .action((map: string, key: string, value: string, settings: PutSettings) =>
      putEntry({ map, key, value }, settings),
    );
  asking(maps.command('rm').description('Remove a key, in the whole cluster.'))
    .argument('<map>', 'name of the map')
    .argument('<key>', 'JSON, or a plain string')
    .addHelpText('after', WORDS)
    .action((map: string, key: string, settings: AskSettings) =>
      removeEntry({ map, key }, settings),
    );
}

/** With the options of every command that asks a node. */
function asking(command: Command): Command {
  return command.addOption(dataDirOption()).addOption(jsonOption());
}
