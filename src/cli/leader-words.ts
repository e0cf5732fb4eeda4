/** The words of `barrel leaders` and where they lead. */
import type { Command } from 'commander';
import type { AskSettings } from './ask.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { printLeaders, watchLeader } from './leaders.ts';
import { dataDirOption, jsonOption } from './node-settings.ts';

const WORDS = `
The election of a global name has the name that \`barrel leaders\` shows: barrel:global:<name>.`;

export function addLeaders(program: Command): void {
  const leaders = program
    .command('leaders')
    .description('Elections that a running node knows, and who leads.');
  asking(leaders.command('ls', { isDefault: true }))
    .description('List them: leader, fence, candidates. What `barrel leaders` does alone.')
    .allowExcessArguments()
    .action((settings: AskSettings, { args }: Command) => {
      checkNothing(args);
      return printLeaders(settings);
    });
  asking(leaders.command('watch'))
    .description('Print who leads, and from then on each change on a line.')
    .argument('<name>', 'name of the election')
    .addHelpText('after', WORDS)
    .action((name: string, settings: AskSettings) => watchLeader(name, settings));
}

/** A word that is no command comes to the one that needs none. */
function checkNothing([word]: readonly string[]): void {
  if (word === undefined) return;
  const text = `leaders has no command ${JSON.stringify(word)}; it has ls and watch <name>`;
  throw new CommandError(EXIT.usage, text);
}

/** With the options of every command that asks a node. */
function asking(command: Command): Command {
  return command.addOption(dataDirOption()).addOption(jsonOption());
}
