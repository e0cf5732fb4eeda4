/** The other end of a control socket: asks a node on the same machine. */
import type { Socket } from 'node:net';
import { BarrelError } from '../errors.ts';
import { CONTROL_RESPONSE_BYTES_MAX } from '../limits.ts';
import {
  type ControlQuery,
  errorOf,
  parseResponse,
  type ServiceReport,
  type StatusReport,
} from './control-protocol.ts';
import { controlPath, openSocket } from './control-socket.ts';
import { fromJson, toJson } from './json-value.ts';
import { LineReader } from './line-reader.ts';

/** A node that does not answer a local question for so long is stuck. */
const ANSWER_MS_MAX = 10_000;

export interface ControlCall {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Milliseconds; the node's default is 5 s. */
  readonly timeoutMs?: number | undefined;
}

interface Waiting {
  readonly done: (line: string) => void;
  readonly fail: (error: unknown) => void;
}

/** One connection to a node. One question at a time. */
export class ControlClient implements Disposable {
  readonly #socket: Socket;
  readonly #reader = new LineReader(CONTROL_RESPONSE_BYTES_MAX + 1);
  #waiting: Waiting | undefined;
  #nextId = 1;

  /**
   * Connects to the node that runs with this data directory.
   * @throws ERR_UNREACHABLE when none does.
   */
  static async connect(dataDir: string): Promise<ControlClient> {
    return new ControlClient(await openSocket(controlPath(dataDir)));
  }

  /** Use `ControlClient.connect`. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('timeout', () => {
      this.#fail(new BarrelError('ERR_TIMEOUT', 'the node did not answer in time'));
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new BarrelError('ERR_CLOSED', 'the node hung up')));
  }

  async status(): Promise<StatusReport> {
    return (await this.#ask({ method: 'status' })) as StatusReport;
  }

  /** All entries that the node knows, by name, its own first. */
  async services(): Promise<readonly ServiceReport[]> {
    return (await this.#ask({ method: 'services' })) as readonly ServiceReport[];
  }

  /** Calls a method of a service through the node; rejects with the error that the node got. */
  async call(call: ControlCall): Promise<unknown> {
    const { service, method, args, timeoutMs } = call;
    const query = { method: 'call', service, name: method, args, timeoutMs } as const;
    return fromJson(await this.#ask(query, (timeoutMs ?? 0) + ANSWER_MS_MAX));
  }

  close(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #ask(query: ControlQuery, answerMs = ANSWER_MS_MAX): Promise<unknown> {
    const id = this.#nextId++;
    const args = query.method === 'call' ? { args: query.args.map((arg) => toJson(arg)) } : {};
    if (this.#socket.destroyed) throw new BarrelError('ERR_CLOSED', 'the connection is closed');
    const line = await new Promise<string>((done, fail) => {
      this.#waiting = { done, fail };
      this.#socket.setTimeout(answerMs);
      this.#socket.write(`${JSON.stringify({ id, ...query, ...args })}\n`);
    });
    this.#socket.setTimeout(0);
    const response = parseResponse(line);
    if ('error' in response) throw errorOf(response.error);
    if (response.id === id) return response.result;
    throw new BarrelError('ERR_VALUE', `an answer to ${response.id} where ${id} was asked`);
  }

  #onData(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const line = this.#reader.take();
    if (line !== undefined) this.#waiting?.done(line);
  }

  /** Nothing can be asked on this connection any more. */
  #fail(error: unknown): void {
    this.#waiting?.fail(error);
    this.#socket.destroy();
  }
}
