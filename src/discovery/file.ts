/**
 * Nodes of one machine, or of machines that share a directory, find each other by files: each node
 * writes one, named after it, and removes it when it stops. Files are unauthenticated hints; who
 * answers at an address is proven later. So whatever is no such file is passed over.
 */
import { type Address, isAddress, isNodeName, type NodeName } from '../core/names.ts';
import type { Files } from '../host/files.ts';
import { isNodeFileName, nodeFileName } from '../host/node-file.ts';
import { systemFiles } from '../host/system-files.ts';
import { ADDRESSES_MAX, DISCOVERED_MAX, DISCOVERY_FILE_BYTES_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import type { Contact, Discovery } from './discovery.ts';

interface Entry {
  readonly node: NodeName;
  readonly addresses: readonly Address[];
}

/**
 * Finds nodes by the files they keep in one directory, which is created with mode 0700 when it is
 * not there. Every node in it is a contact, except those announced through the same object.
 */
export function fileDiscovery(directory: string): Discovery {
  return fileDiscoveryOn(systemFiles, directory);
}

/** The same on other files than the machine's. */
export function fileDiscoveryOn(files: Files, directory: string): Discovery {
  return new FileDiscovery(files, directory);
}

class FileDiscovery implements Discovery {
  readonly name = 'file';
  readonly #files: Files;
  readonly #directory: string;
  readonly #announced = new Set<NodeName>();

  constructor(files: Files, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  async resolve(node: NodeName, { signal }: Cancellable): Promise<readonly Address[]> {
    signal?.throwIfAborted();
    const entry = await this.#read(nodeFileName(node));
    signal?.throwIfAborted();
    return entry?.addresses ?? [];
  }

  /** Writes the file; withdrawing leaves it when another start of the node has replaced it. */
  async announce(
    node: NodeName,
    addresses: readonly Address[],
    { signal }: Cancellable,
  ): Promise<AsyncDisposable> {
    signal?.throwIfAborted();
    const path = `${this.#directory}/${nodeFileName(node)}`;
    const content = Buffer.from(`${JSON.stringify({ node, addresses })}\n`);
    await this.#files.makeDirectory(this.#directory);
    await this.#files.write(path, content);
    this.#announced.add(node);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#announced.delete(node);
        const current = await this.#files.read(path);
        if (current !== undefined && Buffer.compare(current, content) === 0) {
          await this.#files.remove(path);
        }
      },
    };
  }

  async contacts({ signal }: Cancellable): Promise<readonly Contact[]> {
    signal?.throwIfAborted();
    const files = (await this.#files.list(this.#directory)).filter(isNodeFileName);
    const contacts: Contact[] = [];
    for (const file of files.slice(0, DISCOVERED_MAX)) {
      const entry = await this.#read(file);
      signal?.throwIfAborted();
      const [address] = entry?.addresses ?? [];
      if (entry === undefined || address === undefined || this.#announced.has(entry.node)) continue;
      contacts.push(`${entry.node}/${address}`);
    }
    return contacts;
  }

  /** Undefined for what is missing, too large, unreadable or no node's file. */
  async #read(file: string): Promise<Entry | undefined> {
    const path = `${this.#directory}/${file}`;
    try {
      const status = await this.#files.status(path);
      if (status === undefined || status.bytes > DISCOVERY_FILE_BYTES_MAX) return undefined;
      const content = await this.#files.read(path);
      const entry = parseEntry(Buffer.from(content ?? []).toString('utf8'));
      return entry !== undefined && nodeFileName(entry.node) === file ? entry : undefined;
    } catch {
      // Another user's file, or one that vanished while it was read: a hint less.
      return undefined;
    }
  }
}

function parseEntry(text: string): Entry | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { node, addresses }: { readonly node?: unknown; readonly addresses?: unknown } = value;
  if (typeof node !== 'string' || !isNodeName(node) || !Array.isArray(addresses)) return undefined;
  const valid = addresses.filter((address) => typeof address === 'string' && isAddress(address));
  return { node, addresses: valid.slice(0, ADDRESSES_MAX) };
}
