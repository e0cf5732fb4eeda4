/**
 * Nodes of one machine, or of machines that share a directory, find each other by files: each node
 * writes one, named after it, keeps it young, and removes it when it stops. Files are
 * unauthenticated hints; who answers at an address is proven later. So whatever is no such file, is
 * another user's, or is old, is passed over.
 */
import { type Address, isAddress, isNodeName, type NodeName } from '../core/names.ts';
import type { EndpointFiles } from '../host/endpoint-files.ts';
import type { Clock, Random, Timers } from '../host/host.ts';
import { isNodeFileName, nodeFileName } from '../host/node-file.ts';
import { systemClock, systemRandom, systemTimers } from '../host/system-clock.ts';
import { systemEndpointFiles } from '../host/system-endpoint-files.ts';
import { ADDRESSES_MAX, DISCOVERED_MAX, DISCOVERY_FILE_BYTES_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import type { Asking, Contact, Discovery } from './discovery.ts';
import {
  ENDPOINT_FILE_REFRESH_MS,
  ENDPOINT_FILE_REMOVED_MS,
  ENDPOINT_FILE_STALE_MS,
  ENDPOINT_FILES_LOOKED_AT_MAX,
} from './discovery-limits.ts';

interface Entry {
  readonly node: NodeName;
  readonly addresses: readonly Address[];
  readonly cluster: string | undefined;
  readonly modifiedMs: number;
}

/** What looking at a directory takes of the world. */
export interface FileWorld {
  readonly files: EndpointFiles;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly timers: Timers;
  readonly random: Random;
}

const SYSTEM: FileWorld = {
  files: systemEndpointFiles,
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
};

/**
 * Finds nodes by the files they keep in one directory, which is created with mode 0700 when it is
 * not there. Every node in it is a contact, except those of other clusters and those announced
 * through the same object. Files of other users than this one and the administrator are passed
 * over, as are links and those that nobody has touched for a minute.
 */
export function fileDiscovery(directory: string): Discovery {
  return fileDiscoveryOn(SYSTEM, directory);
}

/** The same on other files than the machine's, or on another clock. */
export function fileDiscoveryOn(world: FileWorld, directory: string): Discovery {
  return new FileDiscovery(world, directory);
}

class FileDiscovery implements Discovery {
  readonly name = 'file';
  readonly #world: FileWorld;
  readonly #directory: string;
  readonly #announced = new Set<NodeName>();

  constructor(world: FileWorld, directory: string) {
    this.#world = world;
    this.#directory = directory;
  }

  async resolve(node: NodeName, { signal }: Cancellable): Promise<readonly Address[]> {
    signal?.throwIfAborted();
    const entry = await this.#read(nodeFileName(node));
    const isYoung =
      entry !== undefined && this.#ageMs(entry, await this.#nowMs()) < ENDPOINT_FILE_STALE_MS;
    signal?.throwIfAborted();
    return isYoung ? entry.addresses : [];
  }

  /** Writes the file; withdrawing leaves it when another start of the node has replaced it. */
  async announce(
    node: NodeName,
    addresses: readonly Address[],
    { signal, cluster }: Asking,
  ): Promise<AsyncDisposable> {
    signal?.throwIfAborted();
    const path = this.#pathOf(node);
    const content = Buffer.from(`${JSON.stringify({ node, addresses, cluster })}\n`);
    await this.#world.files.makeDirectory(this.#directory);
    await this.#world.files.write(path, content);
    this.#announced.add(node);
    const refreshing = this.#keepYoung(path, content);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#announced.delete(node);
        await refreshing[Symbol.asyncDispose]();
        const current = await this.#world.files.readOwn(path, DISCOVERY_FILE_BYTES_MAX);
        if (current !== undefined && Buffer.compare(current.content, content) === 0) {
          await this.#world.files.remove(path);
        }
      },
    };
  }

  async contacts({ signal, cluster }: Asking): Promise<readonly Contact[]> {
    signal?.throwIfAborted();
    const nowMs = await this.#nowMs();
    const contacts: Contact[] = [];
    for (const file of this.#chosen(await this.#world.files.list(this.#directory))) {
      const entry = await this.#read(file);
      signal?.throwIfAborted();
      const [address] = entry?.addresses ?? [];
      if (entry === undefined || address === undefined || this.#announced.has(entry.node)) continue;
      const isOther = cluster !== undefined && (entry.cluster ?? cluster) !== cluster;
      if (isOther || (await this.#isOld(entry, nowMs))) continue;
      contacts.push(`${entry.node}/${address}`);
      if (contacts.length === DISCOVERED_MAX) break;
    }
    return contacts;
  }

  /** Of too many files some, so that nobody hides the others behind names of his own. */
  #chosen(names: readonly string[]): readonly string[] {
    const files = names.filter(isNodeFileName);
    if (files.length <= ENDPOINT_FILES_LOOKED_AT_MAX) return files;
    const first = Math.floor(this.#world.random.float() * files.length);
    return [...files.slice(first), ...files.slice(0, first)].slice(0, ENDPOINT_FILES_LOOKED_AT_MAX);
  }

  /** By the clock of the file system, where a node of ours has written to it. */
  async #nowMs(): Promise<number> {
    for (const node of this.#announced) {
      const own = await this.#read(nodeFileName(node));
      if (own !== undefined) return own.modifiedMs;
    }
    return this.#world.clock.wallMs();
  }

  #ageMs({ modifiedMs }: Entry, nowMs: number): number {
    return nowMs - modifiedMs;
  }

  /** One that is very old is removed: a node that still lives writes it again. */
  async #isOld(entry: Entry, nowMs: number): Promise<boolean> {
    const ageMs = this.#ageMs(entry, nowMs);
    if (ageMs >= ENDPOINT_FILE_REMOVED_MS) {
      // Where this user may not, somebody else will.
      await this.#world.files.remove(this.#pathOf(entry.node)).catch(() => {});
    }
    return ageMs >= ENDPOINT_FILE_STALE_MS;
  }

  #keepYoung(path: string, content: Uint8Array): AsyncDisposable {
    const { files, timers } = this.#world;
    let isOver = false;
    let touching: Promise<void> = Promise.resolve();
    const touch = async (): Promise<void> => {
      if (!(await files.touch(path)) && !isOver) await files.write(path, content);
    };
    const again = (): Disposable =>
      timers.after(ENDPOINT_FILE_REFRESH_MS, () => {
        // A disk that is full or away: the next time is soon.
        touching = touch().catch(() => {});
        timer = again();
      });
    let timer = again();
    return {
      [Symbol.asyncDispose]: async () => {
        isOver = true;
        timer[Symbol.dispose]();
        await touching;
      },
    };
  }

  #pathOf(node: NodeName): string {
    return `${this.#directory}/${nodeFileName(node)}`;
  }

  /** Undefined for what is missing, too large, another user's, unreadable or no node's file. */
  async #read(file: string): Promise<Entry | undefined> {
    const path = `${this.#directory}/${file}`;
    try {
      const found = await this.#world.files.readOwn(path, DISCOVERY_FILE_BYTES_MAX);
      if (found === undefined) return undefined;
      const entry = parseEntry(Buffer.from(found.content).toString('utf8'), found.modifiedMs);
      return entry !== undefined && nodeFileName(entry.node) === file ? entry : undefined;
    } catch {
      // One that vanished while it was read, or is no JSON: a hint less.
      return undefined;
    }
  }
}

function parseEntry(text: string, modifiedMs: number): Entry | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const parts: Readonly<Record<string, unknown>> = { ...value };
  const { node, addresses, cluster } = parts;
  if (typeof node !== 'string' || !isNodeName(node) || !Array.isArray(addresses)) return undefined;
  const valid = addresses.filter((address) => typeof address === 'string' && isAddress(address));
  return {
    node,
    addresses: valid.slice(0, ADDRESSES_MAX),
    cluster: typeof cluster === 'string' ? cluster : undefined,
    modifiedMs,
  };
}
