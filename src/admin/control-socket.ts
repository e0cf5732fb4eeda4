/**
 * The Unix socket through which the `barrel` command reaches a node on the same machine:
 * `<dataDir>/control.sock`, mode 0600 in a directory of mode 0700. Whoever may open it may do with
 * the node what its owner may. Windows has no such file; the socket is refused there.
 */
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { BarrelError } from '../errors.ts';
import { CONTROL_PATH_BYTES_MAX } from '../limits.ts';
import { underLock } from './takeover-lock.ts';

/**
 * Path of the control socket of the node with that data directory.
 * @throws ERR_OPTION when it is longer than a socket's path may be.
 */
export function controlPath(dataDir: string): string {
  const path = join(resolve(dataDir), 'control.sock');
  if (Buffer.byteLength(path) <= CONTROL_PATH_BYTES_MAX) return path;
  throw new BarrelError(
    'ERR_OPTION',
    `\`dataDir\` is too long for its control socket: ${path} has ${Buffer.byteLength(path)} bytes` +
      ` and a socket's path at most ${CONTROL_PATH_BYTES_MAX}`,
  );
}

/**
 * Connects to a control socket.
 * @throws ERR_UNREACHABLE when no node listens there; the system's own error for anything else.
 */
export async function openSocket(path: string): Promise<Socket> {
  const socket = connect(path);
  try {
    await settled(socket, 'connect');
    return socket;
  } catch (cause) {
    socket.destroy();
    if (!isAbsent(cause)) throw cause;
    throw new BarrelError('ERR_UNREACHABLE', `no node listens on ${path}`, { cause });
  }
}

/**
 * Listens at the path for the owner alone. What a process that died left there is replaced.
 * @throws ERR_STORE when a live process listens there, or the path holds something else.
 */
export async function listenAt(server: Server, dataDir: string): Promise<string> {
  const path = controlPath(dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await underLock(`${path}.lock`, async () => {
    await removeStale(path);
    await listen(server, path);
  });
  return path;
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  try {
    await settled(server, 'listening');
    await chmod(path, 0o600);
  } catch (cause) {
    server.close();
    if (codeOf(cause) !== 'EADDRINUSE') throw cause;
    throw inUse(path);
  }
}

async function removeStale(path: string): Promise<void> {
  const status = await lstat(path).catch(ifAbsent);
  if (status === undefined) return;
  if (!status.isSocket()) {
    throw new BarrelError('ERR_STORE', `${path} is not a socket: move it away`);
  }
  const isLive = await openSocket(path).then((socket) => socket.destroy(), ifUnreachable);
  if (isLive !== undefined) throw inUse(path);
  await unlink(path).catch(ifAbsent);
}

/** Waits for the event that says it worked, or the error that says why not. */
function settled(source: Socket | Server, event: 'connect' | 'listening'): Promise<void> {
  return new Promise((done, fail) => {
    source.once('error', fail).once(event, () => {
      source.off('error', fail);
      done();
    });
  });
}

function inUse(path: string): BarrelError {
  return new BarrelError(
    'ERR_STORE',
    `the data directory is in use: another process listens on ${path}`,
  );
}

function ifAbsent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}

function ifUnreachable(error: unknown): undefined {
  if (!(error instanceof BarrelError)) throw error;
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
