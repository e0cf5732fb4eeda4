/** The words of `barrel cp` and where they lead. */
import type { Command } from 'commander';
import { type CopySettings, copyFile } from './copy.ts';
import { dataDirOption, jsonOption } from './node-settings.ts';

const WORDS = `
The file goes through the node of the data directory to the other one, which takes files when it
was started with --accept-files <directory>: below that directory, and nowhere else. The path is
relative; one that is empty or ends with / stands for a folder. Printed is the SHA-256, which both
ends have compared.`;

export function addCopy(program: Command): void {
  program
    .command('cp')
    .description('Copy a file to another node, through a running node.')
    .argument('<file>', 'file on this machine')
    .argument('<node:path>', 'name@host:path, as b@host:backups/')
    .option('--force', 'replace a file that is there')
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .addHelpText('after', WORDS)
    .action((file: string, destination: string, settings: CopySettings) =>
      copyFile(file, destination, settings),
    );
}
