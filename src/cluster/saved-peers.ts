/**
 * The peers that a node knew, on its disk: after a restart they are tried when no contact answers,
 * and fill the passive view. One file, replaced as a whole; a damaged one counts as none.
 */
import {
  PEER_AGE_MS_MAX,
  type PeerDescriptor,
  readPeer,
  writePeer,
} from '../core/membership/peer.ts';
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import type { Host } from '../host/host.ts';
import { SAVED_PEERS_MAX } from '../limits.ts';

const FILE = 'peers';
/** First field of the file: a later format gets another number. */
const FORMAT = 1;
const SAVE_PERIOD_MS = 60_000;
const FIRST_SAVE_MS = 5_000;

export interface SavedPeersOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'files' | 'logger'>;
  /** Undefined: nothing is kept. */
  readonly dataDir: string | undefined;
  /** Whom this node knows now, best first. */
  readonly peers: () => readonly PeerDescriptor[];
}

export class SavedPeers {
  readonly #options: SavedPeersOptions;
  #saved = '';
  #saving: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: SavedPeersOptions) {
    this.#options = options;
    if (options.dataDir !== undefined) this.#later(FIRST_SAVE_MS);
  }

  /** Whom the last start of this node knew; empty without a file, or when it is damaged. */
  static async load({
    host,
    dataDir,
  }: Pick<SavedPeersOptions, 'host' | 'dataDir'>): Promise<readonly PeerDescriptor[]> {
    if (dataDir === undefined) return [];
    try {
      const bytes = await host.files.read(`${dataDir}/${FILE}`);
      return bytes === undefined ? [] : decode(bytes, host.clock.wallMs());
    } catch (error) {
      host.logger.warn('the saved peers cannot be read', { error });
      return [];
    }
  }

  /** Saves once more; what is under way is finished. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#options.dataDir !== undefined) await this.#save();
  }

  #later(delayMs: number): void {
    this.#options.host.timers.after(delayMs, () => {
      if (this.#isClosed) return;
      void this.#save();
      this.#later(SAVE_PERIOD_MS);
    });
  }

  /** One write at a time, and none when the peers are the same as in the file. */
  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    const { host, dataDir, peers } = this.#options;
    const known = peers().slice(0, SAVED_PEERS_MAX);
    const names = known.map(({ node, incarnation }) => `${node}/${incarnation}`).join(' ');
    // A node that lost everybody keeps whom it knew: they are its way back.
    if (known.length === 0 || names === this.#saved) return;
    try {
      await host.files.write(`${dataDir}/${FILE}`, encode(known, host.clock.wallMs()));
      this.#saved = names;
    } catch (error) {
      host.logger.warn('the known peers cannot be saved', { error });
    }
  }
}

function encode(peers: readonly PeerDescriptor[], wallMs: number): Uint8Array {
  return new Writer().uint(FORMAT).uint(wallMs).list(peers, writePeer).take();
}

function decode(bytes: Uint8Array, wallMs: number): readonly PeerDescriptor[] {
  const reader = new Reader(bytes);
  if (reader.uint() !== FORMAT) throw new WireError('another format of saved peers');
  const sinceMs = Math.max(wallMs - reader.uint(), 0);
  const peers = reader.list(SAVED_PEERS_MAX, readPeer);
  reader.end();
  // However long this node was away: they are tried, behind all that are known to be younger.
  return peers.map((peer) => ({
    ...peer,
    ageMs: Math.min(peer.ageMs + sinceMs, PEER_AGE_MS_MAX - 1),
  }));
}
