/**
 * Serves control requests on a Unix socket. Each connection has one request at work at a time;
 * what a client may send ahead, how many clients there may be and how long they may be silent is
 * bounded, so that a broken script cannot hurt the node. A client that goes away gives up its call
 * or its stream of events.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { BarrelError } from '../errors.ts';
import {
  CONTROL_CONNECTIONS_MAX,
  CONTROL_IDLE_MS,
  CONTROL_REQUEST_BYTES_MAX,
  CONTROL_RESPONSE_BYTES_MAX,
} from '../limits.ts';
import {
  type ControlQuery,
  type ControlResponse,
  failureOf,
  parseRequest,
} from './control-protocol.ts';
import { listenAt } from './control-socket.ts';
import { LineReader } from './line-reader.ts';

/** An answer of many parts, each plain JSON. It is read no faster than the client reads. */
export class EventStream {
  readonly events: AsyncIterable<unknown>;

  constructor(events: AsyncIterable<unknown>) {
    this.events = events;
  }
}

/**
 * Answers one query with plain JSON or an `EventStream`; the signal is aborted when the client has
 * gone.
 */
export type Answer = (query: ControlQuery, signal: AbortSignal) => Promise<unknown>;

export interface ControlServerOptions {
  /** The socket is `control.sock` in it. */
  readonly dataDir: string;
  readonly answer: Answer;
}

/** A control socket that listens. */
export class ControlServer implements AsyncDisposable {
  /** File name of the socket. */
  readonly path: string;
  readonly #server: Server;
  readonly #clients: Set<Client>;

  /** Use `serveControl`. */
  constructor(path: string, server: Server, clients: Set<Client>) {
    this.path = path;
    this.#server = server;
    this.#clients = clients;
  }

  /** Stops listening, removes the socket, drops the clients. Idempotent. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.drop();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Opens the control socket of a data directory.
 * @throws ERR_STORE when another process listens there; ERR_OPTION when its path is too long.
 */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const clients = new Set<Client>();
  const server = createServer((socket) => {
    if (clients.size >= CONTROL_CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    const client = new Client(socket, options.answer);
    clients.add(client);
    socket.on('close', () => clients.delete(client));
  });
  const path = await listenAt(server, options.dataDir);
  // A connection could not be taken (no descriptors left); its client sees it closed.
  server.on('error', () => {});
  // The node lives as long as its user wants; its control socket keeps no process alive.
  server.unref();
  return new ControlServer(path, server, clients);
}

class Client {
  readonly #socket: Socket;
  readonly #answer: Answer;
  readonly #reader = new LineReader(CONTROL_REQUEST_BYTES_MAX);
  readonly #gone = new AbortController();
  #isBusy = false;

  constructor(socket: Socket, answer: Answer) {
    this.#socket = socket;
    this.#answer = answer;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('close', () => this.#gone.abort(new BarrelError('ERR_CLOSED', 'the client left')));
    // Whatever it was, `close` follows and ends the client; nobody else is concerned.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(CONTROL_IDLE_MS, () => this.#onIdle());
    socket.unref();
  }

  drop(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#socket.pause();
      this.#socket.end(lineOf({ id: 0, error: failureOf(error) }), () => this.drop());
      return;
    }
    if (!this.#isBusy) void this.#work();
  }

  /** A call may take longer than a client may be silent. */
  #onIdle(): void {
    if (!this.#isBusy) this.drop();
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let line = this.#reader.take(); line !== undefined; line = this.#reader.take()) {
      for await (const response of this.#respond(line)) {
        if (!this.#socket.writable) break;
        if (!this.#socket.write(lineOf(response))) await drained(this.#socket);
      }
      if (!this.#socket.writable) break;
    }
    this.#isBusy = false;
  }

  async *#respond(line: string): AsyncGenerator<ControlResponse> {
    let id = 0;
    try {
      const request = parseRequest(line);
      id = request.id;
      const answer = await this.#answer(request.query, this.#gone.signal);
      if (answer instanceof EventStream) {
        for await (const event of answer.events) yield { id, event };
      }
      yield { id, result: answer instanceof EventStream ? null : answer };
    } catch (error) {
      yield { id, error: failureOf(error) };
    }
  }
}

function lineOf(response: ControlResponse): string {
  const line = `${JSON.stringify(response)}\n`;
  if (Buffer.byteLength(line) <= CONTROL_RESPONSE_BYTES_MAX) return line;
  const error = new BarrelError(
    'ERR_OVERLOADED',
    `the answer is longer than ${CONTROL_RESPONSE_BYTES_MAX} bytes`,
  );
  return `${JSON.stringify({ id: response.id, error: failureOf(error) })}\n`;
}

/** Resolves when the client has read on, or is gone. */
function drained(socket: Socket): Promise<void> {
  return new Promise((done) => {
    const finish = (): void => {
      socket.off('drain', finish).off('close', finish);
      done();
    };
    socket.once('drain', finish).once('close', finish);
  });
}
