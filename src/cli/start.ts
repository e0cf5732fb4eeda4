/** `barrel start`: runs a node until it is told to stop. */
import { constants } from 'node:os';
import { pino } from 'pino';
import { receiveFiles } from '../admin/file-receiving.ts';
import { BarrelError } from '../errors.ts';
import { type BarrelNode, createNode, type Logger, type NodeOptions } from '../index.ts';
import { nodeOptions, type StartSettings } from './node-settings.ts';

/**
 * Prints one line when the node is ready. The first SIGINT or SIGTERM closes the node in order, the
 * second ends the process at once.
 */
export async function start(settings: StartSettings): Promise<void> {
  const logger = pinoLogger(settings.logLevel);
  const stop = stopSignal(logger);
  const options = { ...(await nodeOptions(settings, process.env)), logger, signal: stop };
  try {
    const { acceptFiles, json: isJson = false } = settings;
    await run({ options, stop, logger, isJson, acceptFiles });
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

interface Run {
  readonly options: NodeOptions;
  readonly stop: AbortSignal;
  readonly logger: Logger;
  readonly isJson: boolean;
  /** A folder for files of other nodes. */
  readonly acceptFiles: string | undefined;
}

async function run({ options, stop, logger, isJson, acceptFiles }: Run): Promise<void> {
  const node = await createNode(options);
  try {
    logger.info('listening', { node: node.name, address: node.address });
    if (acceptFiles !== undefined) await takeFiles(node, acceptFiles, logger);
    await untilReady(node, stop, logger);
    console.log(readyLine(node, isJson));
    await aborted(stop);
  } finally {
    await node.close();
    logger.info('stopped', { node: node.name });
  }
}

function takeFiles(node: BarrelNode, folder: string, logger: Logger): Promise<Disposable> {
  return receiveFiles({
    streams: node.streams,
    folder,
    onFile: (file) => logger.info('a file has come', file),
    onRefused: (from, error) => logger.warn('a file was refused', { from, error }),
  });
}

/** A contact may start later than this node: waiting is no failure. */
async function untilReady(node: BarrelNode, signal: AbortSignal, logger: Logger): Promise<void> {
  for (;;) {
    try {
      await node.ready({ signal });
      return;
    } catch (error) {
      if (!(error instanceof BarrelError) || error.code !== 'ERR_TIMEOUT') throw error;
      logger.warn('not ready yet', { reasons: node.status().reasons });
    }
  }
}

function readyLine(node: BarrelNode, isJson: boolean): string {
  const { name, address, identity } = node;
  if (!isJson) return `${name} is ready at ${address} (${identity.fingerprint})`;
  const incarnation = node.incarnation.toString();
  const { fingerprint } = identity;
  return JSON.stringify({ name, address, incarnation, fingerprint, processId: process.pid });
}

function stopSignal(logger: Logger): AbortSignal {
  const stop = new AbortController();
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (stop.signal.aborted) process.exit(128 + constants.signals[signal]);
    logger.info('stopping', { signal });
    stop.abort(new BarrelError('ERR_CLOSED', `stopped by ${signal}`));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return stop.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

/** pino takes the fields first; what it writes goes to stderr. */
function pinoLogger(level: string): Logger {
  const log = pino({ level, serializers: { error: pino.stdSerializers.err } }, pino.destination(2));
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  };
}
