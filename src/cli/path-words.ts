/** The words of `barrel paths` and `barrel migrate`, and where they lead. */
import { type Command, Option } from 'commander';
import type { AskSettings } from './ask.ts';
import { dataDirOption, integer, jsonOption } from './node-settings.ts';
import { type MigrateSettings, migrate, printPaths } from './paths.ts';

export function addPaths(program: Command): void {
  asking(program.command('paths'))
    .description('Show where the connections of a running node run, and how well.')
    .argument('[node]', 'the node at the other end; default: all')
    .action((node: string | undefined, settings: AskSettings) => printPaths(node, settings));
  asking(program.command('migrate'))
    .description('Move a connection to another local address; nothing on it is lost.')
    .argument('<node>', 'the node at the other end')
    .addOption(new Option('--local-host <ip>', 'default: the one in use'))
    .addOption(new Option('--local-port <port>', 'default: any free one').argParser(integer))
    .action((node: string, settings: MigrateSettings) => migrate(node, settings));
}

/** With the options of every command that asks a node. */
function asking(command: Command): Command {
  return command.addOption(dataDirOption()).addOption(jsonOption());
}
