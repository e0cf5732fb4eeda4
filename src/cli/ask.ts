/** The commands that ask a running node: `barrel status`, `services` and `call`. */
import { ControlClient } from '../admin/control-client.ts';
import { fromJson, toJson } from '../admin/json-value.ts';
import { BarrelError } from '../errors.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { jsonText } from './printable.ts';
import { renderServices, renderStatus } from './reports.ts';

export interface AskSettings {
  readonly dataDir?: string;
  readonly json?: boolean;
}

export interface CallSettings extends AskSettings {
  readonly timeoutMs?: number;
}

export interface CallWords {
  readonly service: string;
  readonly method: string;
  /** JSON texts. */
  readonly args: readonly string[];
}

export interface StatusSettings extends AskSettings {
  readonly ready?: boolean;
}

/** @throws CommandError with `ready`, for a node that takes no part in its cluster. */
export async function printStatus(settings: StatusSettings): Promise<void> {
  const report = await ask(settings, (client) => client.status());
  console.log(settings.json === true ? JSON.stringify(report) : renderStatus(report));
  const isReady = report.state === 'ready' || report.state === 'degraded';
  if (settings.ready !== true || isReady) return;
  throw new CommandError(EXIT.failure, `${report.name} is not ready: ${report.state}`);
}

export async function printServices(settings: AskSettings): Promise<void> {
  const services = await ask(settings, (client) => client.services());
  console.log(settings.json === true ? JSON.stringify(services) : renderServices(services));
}

/**
 * Prints what the method answered as JSON; nothing for undefined, unless `--json`. Of a stream each
 * item is a line.
 */
export async function printCall(words: CallWords, settings: CallSettings): Promise<void> {
  const { service, method } = words;
  const args = words.args.map(parseArgument);
  const { timeoutMs } = settings;
  await ask(settings, async (client) => {
    const answer = await client.call({ service, method, args, timeoutMs });
    if (isStream(answer)) {
      await printLines(client, answer, (item) => JSON.stringify(toJson(item)));
    } else if (settings.json === true) console.log(JSON.stringify(toJson(answer)));
    else if (answer !== undefined) console.log(jsonText(toJson(answer), 2));
  });
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}

/** Prints a line for each item until they end; false when whoever reads has had enough before. */
export async function printLines<T>(
  client: ControlClient,
  items: AsyncIterable<T>,
  lineOf: (item: T) => string,
): Promise<boolean> {
  let isEnough = false;
  process.stdout.once('error', () => {
    isEnough = true;
    client.close();
  });
  try {
    for await (const item of items) console.log(lineOf(item));
  } catch (error) {
    if (!isEnough) throw error;
  }
  return !isEnough;
}

/** An argument of a call from its JSON text. */
export function parseArgument(text: string, at: number): unknown {
  try {
    return fromJson(JSON.parse(text));
  } catch (error) {
    const why = error instanceof BarrelError ? error.message : `a string needs quotes: '"text"'`;
    throw new CommandError(EXIT.usage, `argument ${at + 1} is not JSON: ${text} (${why})`);
  }
}

/** The data directory, or a line that says how to give it. */
export function requireDataDir({ dataDir }: AskSettings): string {
  if (dataDir !== undefined && dataDir !== '') return dataDir;
  throw new CommandError(EXIT.usage, 'say which node: --data-dir <directory> or BARREL_DATA_DIR');
}

/** Asks the node of the settings; the connection ends with the answer. */
export async function ask<T>(
  settings: AskSettings,
  question: (client: ControlClient) => Promise<T>,
): Promise<T> {
  const client = await connect(requireDataDir(settings));
  try {
    return await question(client);
  } finally {
    client.close();
  }
}

async function connect(dataDir: string): Promise<ControlClient> {
  try {
    return await ControlClient.connect(dataDir);
  } catch (error) {
    if (!(error instanceof BarrelError) || error.code !== 'ERR_UNREACHABLE') throw error;
    throw new CommandError(EXIT.notRunning, `no node is running with data directory ${dataDir}`);
  }
}
