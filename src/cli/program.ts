/** The words of the `barrel` command and where they lead. */
import { Command, CommanderError, Option } from 'commander';
import type { BarrelError } from '../errors.ts';
import {
  type AskSettings,
  type CallSettings,
  printCall,
  printServices,
  printStatus,
  type StatusSettings,
} from './ask.ts';
import { addAuthority } from './authority-words.ts';
import { addCopy } from './copy-words.ts';
import { EXIT, exitCodeOf, lineOf } from './exit-code.ts';
import { addKeys } from './key-words.ts';
import { addLeaders } from './leader-words.ts';
import { addMaps } from './map-words.ts';
import {
  dataDirOption,
  integer,
  jsonOption as json,
  type StartSettings,
  startOptions,
} from './node-settings.ts';
import { addPaths } from './path-words.ts';
import { addReminders } from './remind-words.ts';
import { addShards } from './shards-words.ts';
import type { SimulateSettings } from './simulate.ts';

export interface Invocation {
  /** Without the interpreter and the script. */
  readonly words: readonly string[];
  readonly version: string;
}

/** Runs one command. Resolves with the exit code; what goes wrong is one line on stderr. */
export async function runProgram({ words, version }: Invocation): Promise<number> {
  try {
    await barrel(version, words.includes('--json')).parseAsync([...words], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // Help and version are no errors; of its own ones commander has printed the line for people.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const isJson = words.includes('--json');
    if (isJson) console.error(jsonLine(error));
    else if (!(error instanceof CommanderError)) console.error(`barrel: ${lineOf(error)}`);
    return exitCodeOf(error);
  }
}

function jsonLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const { code, reason, remote, node } = (error ?? {}) as Partial<BarrelError>;
  const exitCode = exitCodeOf(error);
  return JSON.stringify({ error: { code, reason, remote, node, message, exitCode } });
}

/** With JSON wanted, `runProgram` prints commander's errors, too. */
function barrel(version: string, isJson: boolean): Command {
  const program = new Command('barrel')
    .description('Runs and inspects nodes of a barrel-p2p cluster.')
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        if (!isJson) write(oneLine(text));
      },
    })
    .addHelpText('after', EXIT_CODES);
  addStart(program);
  addQuestions(program);
  addCopy(program);
  addMaps(program);
  addLeaders(program);
  addShards(program);
  addReminders(program);
  addPaths(program);
  addKeys(program);
  addAuthority(program);
  addSimulate(program);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong options, 3 no node runs there, 4 refused, 5 not found,
6 timed out or connection lost, 7 the called method threw.`;

/** Commander puts its suggestion on a line of its own. */
function oneLine(text: string): string {
  return `${text
    .replace(/^error: /, 'barrel: ')
    .trimEnd()
    .replaceAll('\n', ' ')}\n`;
}

function addStart(program: Command): void {
  const command = program
    .command('start')
    .description('Run a node until SIGINT or SIGTERM. BARREL_SECRET may hold the join secret.');
  for (const option of startOptions()) command.addOption(option);
  command.addOption(json()).action(async (settings: StartSettings) => {
    // The other commands start faster without the node and its log.
    const { start } = await import('./start.ts');
    await start(settings);
  });
}

function addQuestions(program: Command): void {
  program
    .command('status')
    .description('Show a running node, its neighbours and the members of its cluster.')
    .addOption(dataDirOption())
    .option('--ready', 'end with 1 unless the node has joined: for readiness probes')
    .addOption(json())
    .action((settings: StatusSettings) => printStatus(settings));
  program
    .command('services')
    .description('List the services that a running node knows.')
    .addOption(dataDirOption())
    .addOption(json())
    .action((settings: AskSettings) => printServices(settings));
  addCall(program);
}

function addCall(program: Command): void {
  program
    .command('call')
    .description('Call a method of a service through a running node.')
    .argument('<service>', 'name of the service')
    .argument('<method>', 'name of its method')
    .argument('[json...]', 'arguments, each as JSON: 1 \'"text"\' \'{"a":1}\' \'{"$bigint":"1"}\'')
    .addOption(dataDirOption())
    .addOption(new Option('--timeout-ms <ms>', 'default: 5000').argParser(integer))
    .addOption(json())
    .action((service: string, method: string, args: readonly string[], settings: CallSettings) =>
      printCall({ service, method, args }, settings),
    );
}

function addSimulate(program: Command): void {
  program
    .command('simulate')
    .description('Run an experiment on simulated nodes; print, and write its figures and plot.')
    .argument('[scenario]', 'its name, or paper or all; see --list')
    .option('--list', 'list the scenarios')
    .addOption(new Option('--nodes <count>', 'default: as in the paper or goal').argParser(integer))
    .addOption(new Option('--seed <number>', 'of the first run, default: 1').argParser(integer))
    .addOption(new Option('--runs <count>', 'with seeds in a row, default: 1').argParser(integer))
    .option('--seeds <range>', 'instead of both, as 1..200')
    .option('--out <directory>', 'where the figures and plots go', 'simulations')
    .addOption(json())
    .action(async (scenario: string | undefined, settings: SimulateSettings) => {
      // Only this command needs the laboratory and the charts.
      const { simulate } = await import('./simulate.ts');
      await simulate(scenario, settings);
    });
}
