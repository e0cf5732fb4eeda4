/** The other end of a control socket: asks a node on the same machine. */

import type { Socket } from 'node:net';
import type { Key } from '../core/wire/key.ts';
import { BarrelError } from '../errors.ts';
import { CONTROL_RESPONSE_BYTES_MAX } from '../limits.ts';
import { base64 } from './base64.ts';
import {
  type ControlQuery,
  type ControlResponse,
  errorOf,
  parseResponse,
  type ServiceReport,
  type StatusReport,
} from './control-protocol.ts';
import { controlPath, openSocket } from './control-socket.ts';
import type { FileEventReport, FileWords } from './file-queries.ts';
import { fromJson, toJson } from './json-value.ts';
import type { ElectionReport, LeaderEventReport } from './leader-queries.ts';
import { LineReader } from './line-reader.ts';
import type { EntryReport, MapEventReport, MapReport } from './map-queries.ts';
import type { PathQuery, PathReport } from './path-queries.ts';
import type {
  ReminderListing,
  ReminderQuery,
  ReminderReport,
  ReminderWords,
} from './reminder-queries.ts';
import type { PlaceReport, ShardsReport } from './shard-queries.ts';
import type { KeyReport, PinReport, RevocationReport, RotationReport } from './trust-queries.ts';

/** A node that does not answer a local question for so long is stuck. */
const ANSWER_MS_MAX = 10_000;

export interface ControlCall {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Milliseconds; the node's default is 5 s. */
  readonly timeoutMs?: number | undefined;
}

/** Of an entry to put. */
export interface PutWords {
  readonly map: string;
  readonly key: Key;
  readonly value: unknown;
  readonly ttlMs?: number | undefined;
}

/** A response that is no failure. */
type Given = Exclude<ControlResponse, { error: unknown }>;

/** The first response to a question. */
interface First {
  readonly id: number;
  readonly response: Given;
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
  /** Why no line will come any more. */
  #failure: unknown;
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

  /**
   * Calls a method of a service through the node; rejects with the error that the node got. Gives
   * an async iterable where the method answers with a stream: nothing else can be asked on this
   * connection before that ends.
   */
  async call(call: ControlCall): Promise<unknown> {
    const { service, method, args, timeoutMs } = call;
    const query = { method: 'call', service, name: method, args, timeoutMs } as const;
    const { id, response } = await this.#askFirst(query, (timeoutMs ?? 0) + ANSWER_MS_MAX);
    return 'event' in response ? this.#items(id) : fromJson(response.result);
  }

  /** The maps that the node hosts, by name. */
  async maps(): Promise<readonly MapReport[]> {
    return (await this.#ask({ method: 'maps' })) as readonly MapReport[];
  }

  /** An entry of a map that the node hosts; undefined when there is none. */
  async mapGet(map: string, key: Key): Promise<{ readonly value: unknown } | undefined> {
    const entry = (await this.#ask({ method: 'mapGet', map, key })) as EntryReport;
    return entry === null ? undefined : { value: fromJson(entry.value) };
  }

  async mapPut(words: PutWords): Promise<void> {
    await this.#ask({ method: 'mapPut', ...words });
  }

  async mapRemove(map: string, key: Key): Promise<void> {
    await this.#ask({ method: 'mapRemove', map, key });
  }

  /**
   * Changes of a map from now on, keys and values as JSON; ends when the node hosts the map no
   * more. Nothing else can be asked on this connection meanwhile.
   */
  async *mapWatch(map: string): AsyncGenerator<MapEventReport> {
    const id = this.#send({ method: 'mapWatch', map });
    for await (const event of this.#events(id)) yield event as MapEventReport;
  }

  /** The elections that the node knows, by name. */
  async leaders(): Promise<readonly ElectionReport[]> {
    return (await this.#ask({ method: 'leaders' })) as readonly ElectionReport[];
  }

  /**
   * Who leads under the name, then each change; ends when the node closes. Nothing else can be
   * asked on this connection meanwhile.
   */
  async *leaderWatch(name: string): AsyncGenerator<LeaderEventReport> {
    const id = this.#send({ method: 'leaderWatch', name });
    for await (const event of this.#events(id)) yield event as LeaderEventReport;
  }

  /** Where the key belongs; with a count also the best so many owners. */
  async place(key: Key, count?: number): Promise<PlaceReport> {
    return (await this.#ask({ method: 'place', key, count })) as PlaceReport;
  }

  /** The members with their shares of the ring. */
  async shards(): Promise<ShardsReport> {
    return (await this.#ask({ method: 'shards' })) as ShardsReport;
  }

  /** The connections of the node, or the one to that node. */
  async paths(node?: string): Promise<readonly PathReport[]> {
    return (await this.#ask({ method: 'paths', node })) as readonly PathReport[];
  }

  /** Moves a connection; where it runs then. */
  async migrate(
    words: Omit<Extract<PathQuery, { method: 'migrate' }>, 'method'>,
  ): Promise<PathReport> {
    return (await this.#ask({ method: 'migrate', ...words })) as PathReport;
  }

  /** Sets a reminder for a time in milliseconds since 1970; null when it has fired already. */
  async remindSet(words: ReminderWords, atMs: number): Promise<ReminderReport | null> {
    return this.#remind({ method: 'remindSet', ...words, atMs });
  }

  async remindAfter(words: ReminderWords, delayMs: number): Promise<ReminderReport | null> {
    return this.#remind({ method: 'remindAfter', ...words, delayMs });
  }

  async remindEvery(
    words: ReminderWords,
    schedule: Extract<ReminderQuery, { method: 'remindEvery' }>['schedule'],
  ): Promise<ReminderReport | null> {
    return this.#remind({ method: 'remindEvery', ...words, schedule });
  }

  async remindCancel(key: Key): Promise<void> {
    await this.#ask({ method: 'remindCancel', key });
  }

  /** A dead one is scheduled again, now. */
  async remindRetry(key: Key): Promise<void> {
    await this.#ask({ method: 'remindRetry', key });
  }

  /** Those of the cluster. Nothing else can be asked on this connection before they end. */
  async *reminders(listing: ReminderListing = {}): AsyncGenerator<ReminderReport> {
    const id = this.#send({ method: 'remindList', ...listing });
    for await (const event of this.#events(id)) yield event as ReminderReport;
  }

  /** Who the node is. */
  async key(): Promise<KeyReport> {
    return (await this.#ask({ method: 'key' })) as KeyReport;
  }

  /** A new key; `timeoutMs` is how long peers are waited for, the node's default is 5 s. */
  async rotateKey(timeoutMs?: number): Promise<RotationReport> {
    const query = { method: 'keyRotate', timeoutMs } as const;
    const { response } = await this.#askFirst(query, (timeoutMs ?? 0) + ANSWER_MS_MAX);
    return resultOf(response) as RotationReport;
  }

  async pins(): Promise<readonly PinReport[]> {
    return (await this.#ask({ method: 'trustList' })) as readonly PinReport[];
  }

  async pin(node: string, publicKey: Uint8Array): Promise<void> {
    await this.#ask({ method: 'trustPin', node, publicKey: base64(publicKey) });
  }

  /** False when no key was pinned. */
  async unpin(node: string): Promise<boolean> {
    return (await this.#ask({ method: 'trustUnpin', node })) as boolean;
  }

  async revoke(revocation: Uint8Array): Promise<void> {
    await this.#ask({ method: 'trustRevoke', revocation: base64(revocation) });
  }

  async revocations(): Promise<readonly RevocationReport[]> {
    return (await this.#ask({ method: 'trustRevocations' })) as readonly RevocationReport[];
  }

  async useCertificate(certificate: Uint8Array): Promise<void> {
    await this.#ask({ method: 'trustCertificate', certificate: base64(certificate) });
  }

  /**
   * Has the node copy a file of this machine to another node; tells how far it is, at last what was
   * copied. Nothing else can be asked on this connection before that.
   */
  async *sendFile(words: FileWords): AsyncGenerator<FileEventReport> {
    const id = this.#send({ method: 'fileSend', ...words });
    for await (const event of this.#events(id)) yield event as FileEventReport;
  }

  close(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #remind(
    query: Extract<ReminderQuery, { readonly payload: unknown }>,
  ): Promise<ReminderReport | null> {
    const answerMs = (query.options?.timeoutMs ?? 0) + ANSWER_MS_MAX;
    const { response } = await this.#askFirst(query, answerMs);
    return resultOf(response) as ReminderReport | null;
  }

  async *#items(id: number): AsyncGenerator<unknown> {
    for await (const event of this.#events(id)) yield fromJson(event);
  }

  async *#events(id: number): AsyncGenerator<unknown> {
    for (
      let response = await this.#next(id);
      'event' in response;
      response = await this.#next(id)
    ) {
      yield response.event;
    }
  }

  async #askFirst(query: ControlQuery, answerMs: number): Promise<First> {
    this.#socket.setTimeout(answerMs);
    const id = this.#send(query);
    const response = await this.#next(id).finally(() => this.#socket.setTimeout(0));
    return { id, response };
  }

  async #ask(query: ControlQuery): Promise<unknown> {
    const { response } = await this.#askFirst(query, ANSWER_MS_MAX);
    return resultOf(response);
  }

  #send(query: ControlQuery): number {
    if (this.#socket.destroyed) throw new BarrelError('ERR_CLOSED', 'the connection is closed');
    const id = this.#nextId++;
    this.#socket.write(`${JSON.stringify({ id, ...query, ...valuesOf(query) })}\n`);
    return id;
  }

  /** The next line with that id. @throws the error that it is, or why none comes. */
  async #next(id: number): Promise<Given> {
    const response = parseResponse(await this.#line());
    if ('error' in response) throw errorOf(response.error);
    if (response.id === id) return response;
    throw new BarrelError('ERR_VALUE', `an answer to ${response.id} where ${id} was asked`);
  }

  #line(): Promise<string> {
    const line = this.#reader.take();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#socket.resume();
    return new Promise<string>((done, fail) => {
      this.#waiting = { done, fail };
    });
  }

  #onData(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const waiting = this.#waiting;
    // What nobody waits for stays in the socket, whose other end then waits.
    if (waiting === undefined) {
      this.#socket.pause();
      return;
    }
    const line = this.#reader.take();
    if (line === undefined) return;
    this.#waiting = undefined;
    waiting.done(line);
  }

  /** Nothing can be asked on this connection any more. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#waiting?.fail(error);
    this.#waiting = undefined;
    this.#socket.destroy();
  }
}

function resultOf(response: Given): unknown {
  if ('result' in response) return response.result;
  throw new BarrelError('ERR_VALUE', 'an event where an answer was expected');
}

/** The parts of a query that are values, as JSON. */
function valuesOf(query: ControlQuery): Readonly<Record<string, unknown>> {
  switch (query.method) {
    case 'call':
      return { args: query.args.map((arg) => toJson(arg)) };
    case 'mapPut':
      return { key: toJson(query.key), value: toJson(query.value) };
    case 'remindSet':
    case 'remindAfter':
    case 'remindEvery':
      return { key: toJson(query.key), payload: toJson(query.payload) };
    case 'remindList':
      return query.prefix === undefined ? {} : { prefix: toJson(query.prefix) };
    case 'mapGet':
    case 'mapRemove':
    case 'place':
    case 'remindCancel':
    case 'remindRetry':
      return { key: toJson(query.key) };
    default:
      return {};
  }
}
