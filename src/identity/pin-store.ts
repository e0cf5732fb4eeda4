/**
 * Pins on disk: one JSON file for each in `<dataDir>/identity/trusted`, so that a person can read,
 * copy and remove them one by one. A file that is no pin's is passed over with a warning; a damaged
 * pin stops the start, because passing over it would let the next stranger take the name.
 */
import { isNodeName, type NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Logger } from '../host/logger.ts';
import { isNodeFileName, nodeFileName } from '../host/node-file.ts';
import { PIN_FILE_BYTES_MAX, PINS_MAX } from '../limits.ts';
import { identityDirectory, PUBLIC_KEY_BYTES, prepareIdentityDirectory } from './keys.ts';
import type { Pin, PinnedBy, PinRotation } from './pin.ts';

export interface PinStoreOptions {
  readonly files: Files;
  readonly logger: Logger;
  /** Absolute. */
  readonly dataDir: string;
}

const READS_AT_ONCE = 32;

/** Reads all pins at once, writes and removes single ones durably. Errors are `ERR_STORE`. */
export class PinStore {
  readonly #files: Files;
  readonly #logger: Logger;
  readonly #identity: string;
  readonly #directory: string;

  constructor(options: PinStoreOptions) {
    this.#files = options.files;
    this.#logger = options.logger;
    this.#identity = identityDirectory(options.dataDir);
    this.#directory = `${this.#identity}/trusted`;
  }

  /** @throws ERR_STORE when a pin is damaged or cannot be read, or there are more than 16,384. */
  async load(): Promise<readonly Pin[]> {
    await prepareIdentityDirectory(this.#files, this.#identity);
    await prepareIdentityDirectory(this.#files, this.#directory);
    const names = await stored(this.#directory, () => this.#files.list(this.#directory));
    const files = names.filter((name) => this.#isPinFile(name));
    if (files.length > PINS_MAX) throw storeError(this.#directory, `more than ${PINS_MAX} pins`);
    const pins: Pin[] = [];
    for (let i = 0; i < files.length; i += READS_AT_ONCE) {
      const batch = files.slice(i, i + READS_AT_ONCE).map((file) => this.#read(file));
      pins.push(...(await Promise.all(batch)));
    }
    return pins;
  }

  async write(pin: Pin): Promise<void> {
    const path = this.#path(pin.node);
    await stored(path, () => this.#files.write(path, Buffer.from(printPin(pin))));
  }

  async remove(node: NodeName): Promise<void> {
    const path = this.#path(node);
    await stored(path, () => this.#files.remove(path));
  }

  #isPinFile(name: string): boolean {
    if (isNodeFileName(name)) return true;
    this.#logger.warn('file among the pins is none', { directory: this.#directory, name });
    return false;
  }

  async #read(file: string): Promise<Pin> {
    const path = `${this.#directory}/${file}`;
    const content = await stored(path, async () => {
      const status = await this.#files.status(path);
      return (status?.bytes ?? 0) > PIN_FILE_BYTES_MAX ? undefined : this.#files.read(path);
    });
    const pin = parsePin(Buffer.from(content ?? []).toString('utf8'));
    if (pin !== undefined && nodeFileName(pin.node) === file) return pin;
    throw storeError(path, 'damaged pin; remove the file to forget whom it named');
  }

  #path(node: NodeName): string {
    return `${this.#directory}/${nodeFileName(node)}`;
  }
}

function printPin({ node, publicKey, by, sinceMs, seenMs, rotation }: Pin): string {
  const followed = rotation && {
    seq: rotation.seq,
    previousKey: Buffer.from(rotation.previousKey).toString('base64'),
    origin: rotation.origin,
  };
  const key = Buffer.from(publicKey).toString('base64');
  const fields = { node, publicKey: key, by, sinceMs, seenMs, rotation: followed };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** Undefined unless it is exactly a pin. */
function parsePin(text: string): Pin | undefined {
  const fields = parseObject(text);
  const { node, publicKey: base64, by, sinceMs, seenMs } = fields;
  if (typeof node !== 'string' || !isNodeName(node) || typeof base64 !== 'string') return undefined;
  const publicKey = new Uint8Array(Buffer.from(base64, 'base64'));
  if (publicKey.length !== PUBLIC_KEY_BYTES || !isPinnedBy(by)) return undefined;
  if (!isTime(sinceMs) || !isTime(seenMs)) return undefined;
  const pin = { node, publicKey, by, ephemeral: false, incarnation: 0n, sinceMs, seenMs };
  if (fields.rotation === undefined) return by === 'endorsement' ? undefined : pin;
  const rotation = parseRotation(fields.rotation);
  return rotation && { ...pin, rotation };
}

function parseRotation(value: unknown): PinRotation | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { seq, previousKey: base64, origin }: RotationFields = value;
  if (!Number.isSafeInteger(seq) || typeof base64 !== 'string') return undefined;
  if (origin !== 'operator' && origin !== 'tofu') return undefined;
  const previousKey = new Uint8Array(Buffer.from(base64, 'base64'));
  return previousKey.length === PUBLIC_KEY_BYTES
    ? { seq: Number(seq), previousKey, origin }
    : undefined;
}

type RotationFields = Readonly<Partial<Record<'seq' | 'previousKey' | 'origin', unknown>>>;

type Fields = Readonly<
  Partial<Record<'node' | 'publicKey' | 'by' | 'sinceMs' | 'seenMs' | 'rotation', unknown>>
>;

function parseObject(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // No JSON has no fields: the caller refuses it as damaged.
    return {};
  }
}

function isPinnedBy(value: unknown): value is PinnedBy {
  return value === 'operator' || value === 'tofu' || value === 'endorsement';
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

async function stored<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw storeError(path, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function storeError(path: string, why: string, details: { cause?: unknown } = {}): BarrelError {
  return new BarrelError('ERR_STORE', `${path}: ${why}`, details);
}
