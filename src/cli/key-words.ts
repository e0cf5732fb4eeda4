/** The words of `barrel keys` and where they lead. */
import { type Command, Option } from 'commander';
import type { AskSettings } from './ask.ts';
import type { DeskSettings } from './key-desk.ts';
import {
  exportKeys,
  importKeys,
  prepareKey,
  printKey,
  printPins,
  printSecret,
  rotateKey,
  trustKey,
  untrustKey,
} from './keys.ts';
import { dataDirOption, integer, jsonOption } from './node-settings.ts';

const WHERE = `
Through the node where one runs with the data directory, else on its files.`;

const KEY = 'its key: 32 bytes in base64, or a file with that or with PEM';

export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .description('Identity of a node, whom it trusts, and join secrets.')
    .addHelpText('after', WHERE);
  addOwn(keys);
  addPins(keys);
  addBundles(keys);
  keys
    .command('secret')
    .description('Print a new join secret.')
    .addOption(jsonOption())
    .action((settings: AskSettings) => printSecret(settings));
}

function addOwn(keys: Command): void {
  asking(keys.command('show').description('Print the public key and its fingerprint.')).action(
    (settings: AskSettings) => printKey(settings),
  );
  asking(keys.command('init').description('Make the key of a node before its first start.')).action(
    (settings: AskSettings) => prepareKey(settings),
  );
  naming(keys.command('rotate').description('Give the node a new key, which its peers follow to.'))
    .addOption(new Option('--timeout-ms <ms>', 'wait for peers; default: 5000').argParser(integer))
    .addOption(
      new Option('--cluster <name>', 'where no node runs; default: default').env('BARREL_CLUSTER'),
    )
    .action((settings: DeskSettings) => rotateKey(settings));
}

function addPins(keys: Command): void {
  asking(keys.command('list').description('List the keys that are pinned.')).action(
    (settings: AskSettings) => printPins(settings),
  );
  asking(keys.command('trust').description('Pin a key for a name.'))
    .argument('<name@host>', 'of the other node')
    .argument('<key>', KEY)
    .action((node: string, word: string, settings: AskSettings) => trustKey(node, word, settings));
  asking(keys.command('untrust').description('Forget the key of a name, end its connections.'))
    .argument('<name@host>', 'of the other node')
    .action((node: string, settings: AskSettings) => untrustKey(node, settings));
}

function addBundles(keys: Command): void {
  naming(
    keys.command('export').description('Print name and key, own ones first, line by line.'),
  ).action((settings: DeskSettings) => exportKeys(settings));
  asking(keys.command('import').description('Pin all names and keys of such lines.'))
    .argument('<file>', 'what `barrel keys export` has printed; - for stdin')
    .action((source: string, settings: AskSettings) => importKeys(source, settings));
}

function naming(command: Command): Command {
  const name = new Option('--name <name@host>', 'where no node runs').env('BARREL_NAME');
  return asking(command).addOption(name);
}

/** With the options of every command about a data directory. */
function asking(command: Command): Command {
  return command.addOption(dataDirOption()).addOption(jsonOption());
}
