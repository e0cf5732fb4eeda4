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
import type { Grounds } from './node-certificate.ts';
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

function printPin({ formerKeys, certified, rotation, ...pin }: Pin): string {
  const { node, publicKey, by, sinceMs, seenMs } = pin;
  const followed = rotation && { ...rotation, previousKey: base64(rotation.previousKey) };
  const fields = {
    node,
    publicKey: base64(publicKey),
    by,
    sinceMs,
    seenMs,
    rotation: followed,
    formerKeys: formerKeys.length === 0 ? undefined : formerKeys.map(base64),
    certified: certified && {
      serials: certified.serials.map(String),
      keys: certified.keys.map(base64),
    },
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** Undefined unless it is exactly a pin. */
function parsePin(text: string): Pin | undefined {
  const fields = fieldsOf(parseJson(text));
  const { node, by, sinceMs, seenMs } = fields;
  if (typeof node !== 'string' || !isNodeName(node) || !isPinnedBy(by)) return undefined;
  const publicKey = parseKey(fields.publicKey);
  if (publicKey === undefined || !isTime(sinceMs) || !isTime(seenMs)) return undefined;
  const rotation = optional(fields.rotation, parseRotation);
  const certified = optional(fields.certified, parseGrounds);
  if (rotation === DAMAGED || certified === DAMAGED) return undefined;
  if (rotation === undefined && by === 'endorsement') return undefined;
  // Files of before have only the last of these keys.
  const last = rotation === undefined ? [] : [rotation.previousKey];
  const formerKeys = fields.formerKeys === undefined ? last : parseKeys(fields.formerKeys);
  if (formerKeys === undefined) return undefined;
  const pin = { node, publicKey, by, ephemeral: false, incarnation: 0n, sinceMs, seenMs };
  return { ...pin, rotation, formerKeys, certified };
}

function parseRotation(value: unknown): PinRotation | undefined {
  const { seq, previousKey: text, origin } = fieldsOf(value);
  const previousKey = parseKey(text);
  if (!Number.isSafeInteger(seq) || previousKey === undefined) return undefined;
  if (origin !== 'operator' && origin !== 'tofu') return undefined;
  return { seq: Number(seq), previousKey, origin };
}

function parseGrounds(value: unknown): Grounds | undefined {
  const { serials, keys: listed } = fieldsOf(value);
  const keys = parseKeys(listed);
  if (keys === undefined || !Array.isArray(serials) || !serials.every(isDecimal)) return undefined;
  return { keys, serials: serials.map(BigInt) };
}

function parseKeys(value: unknown): readonly Uint8Array[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const keys = value.map(parseKey).filter((key) => key !== undefined);
  return keys.length === value.length ? keys : undefined;
}

function parseKey(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined;
  const key = new Uint8Array(Buffer.from(value, 'base64'));
  return key.length === PUBLIC_KEY_BYTES ? key : undefined;
}

const DAMAGED = Symbol('damaged');

/** A field that may be missing, but not be something else. */
function optional<T>(
  value: unknown,
  parse: (value: unknown) => T | undefined,
): T | undefined | typeof DAMAGED {
  return value === undefined ? undefined : (parse(value) ?? DAMAGED);
}

type Field =
  | 'node'
  | 'publicKey'
  | 'by'
  | 'sinceMs'
  | 'seenMs'
  | 'rotation'
  | 'seq'
  | 'previousKey'
  | 'origin'
  | 'formerKeys'
  | 'certified'
  | 'serials'
  | 'keys';

/** None, of what is no object. */
function fieldsOf(value: unknown): Readonly<Partial<Record<Field, unknown>>> {
  return typeof value === 'object' && value !== null ? value : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON has no fields: the caller refuses it as damaged.
    return undefined;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value);
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
