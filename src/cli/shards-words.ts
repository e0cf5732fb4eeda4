/** The words of `barrel place` and `barrel shards`, and where they lead. */
import { type Command, Option } from 'commander';
import type { AskSettings } from './ask.ts';
import { KEY_WORDS } from './map-words.ts';
import { dataDirOption, integer, jsonOption } from './node-settings.ts';
import { type PlaceSettings, printPlace, printShards } from './shards.ts';

export function addShards(program: Command): void {
  asking(program.command('place'))
    .description('Say where a key belongs, as a running node sees it.')
    .argument('<key>', 'JSON, or a plain string')
    .addOption(
      new Option('--count <n>', 'the best n owners, the first one first').argParser(integer),
    )
    .addHelpText('after', KEY_WORDS)
    .action((key: string, settings: PlaceSettings) => printPlace(key, settings));
  asking(program.command('shards'))
    .description('Show how many partitions each member of the cluster owns.')
    .action((settings: AskSettings) => printShards(settings));
}

/** With the options of every command that asks a node. */
function asking(command: Command): Command {
  return command.addOption(dataDirOption()).addOption(jsonOption());
}
