/**
 * The host's files in memory, for nodes that run without a disk of their own. Paths are absolute
 * with `/`; what goes wrong carries the system's code, as on a disk.
 */
import type { FileStatus, Files } from '../host/files.ts';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

interface MemoryFile {
  readonly content: Uint8Array;
  mode: number;
}

export class MemoryFiles implements Files {
  readonly #files = new Map<string, MemoryFile>();
  readonly #directories = new Map<string, number>([['/', DIRECTORY_MODE]]);

  async read(path: string): Promise<Uint8Array | undefined> {
    const name = normalised(path);
    if (this.#directories.has(name)) throw systemError('EINVAL', 'read', path);
    return this.#files.get(name)?.content.slice();
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    this.checkWrite(path);
    const name = normalised(path);
    this.#files.set(name, { content: content.slice(), mode: FILE_MODE });
  }

  async remove(path: string): Promise<void> {
    this.checkRemoval(path);
    this.#files.delete(normalised(path));
  }

  async list(directory: string): Promise<readonly string[]> {
    const name = normalised(directory);
    if (this.#files.has(name)) throw systemError('ENOTDIR', 'list', directory);
    const paths = [...this.#files.keys(), ...this.#directories.keys()];
    const inside = paths.filter((path) => path !== '/' && parentOf(path) === name);
    return inside.map((path) => path.slice(path.lastIndexOf('/') + 1)).sort();
  }

  async makeDirectory(directory: string): Promise<void> {
    const name = normalised(directory);
    if (this.#files.has(name)) throw systemError('EEXIST', 'makeDirectory', directory);
    if (this.#directories.has(name)) return;
    const parent = parentOf(name);
    if (this.#files.has(parent)) throw systemError('ENOTDIR', 'makeDirectory', directory);
    await this.makeDirectory(parent);
    this.#directories.set(name, DIRECTORY_MODE);
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const name = normalised(path);
    const mode = this.#directories.get(name);
    if (mode !== undefined) return { mode, bytes: 0 };
    const file = this.#files.get(name);
    return file && { mode: file.mode, bytes: file.content.byteLength };
  }

  /** @throws what `write` would, at once. */
  checkWrite(path: string): void {
    const name = normalised(path);
    if (this.#directories.has(name)) throw systemError('EISDIR', 'write', path);
    if (!this.#directories.has(parentOf(name))) throw systemError('ENOENT', 'write', path);
  }

  /** @throws what `remove` would, at once. */
  checkRemoval(path: string): void {
    if (this.#directories.has(normalised(path))) throw systemError('EISDIR', 'remove', path);
  }

  /** Paths of all files, sorted. */
  paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  /** Content of a file, at once and as it is kept; undefined when it does not exist. */
  peek(path: string): Uint8Array | undefined {
    return this.#files.get(normalised(path))?.content;
  }

  /** Puts content under a path, or nothing, at once and without any check. */
  poke(path: string, content: Uint8Array | undefined): void {
    const name = normalised(path);
    if (content === undefined) this.#files.delete(name);
    else this.#files.set(name, { content, mode: this.#files.get(name)?.mode ?? FILE_MODE });
  }

  /** Changes permission bits, as an operator would. @throws ENOENT when nothing is there. */
  changeMode(path: string, mode: number): void {
    const name = normalised(path);
    const file = this.#files.get(name);
    if (file !== undefined) file.mode = mode;
    else if (this.#directories.has(name)) this.#directories.set(name, mode);
    else throw systemError('ENOENT', 'changeMode', path);
  }
}

/** Absolute, with one `/` between two names. @throws EINVAL. */
export function normalised(path: string): string {
  if (!path.startsWith('/')) throw systemError('EINVAL', 'resolve', path);
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** As the system would say it. */
export function systemError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code });
}
