/**
 * A second local address, opened with the first trouble: links change between it and home. An
 * outage stops many links at once, so all that ask while it is being opened share it, too.
 */
import type { LinkPort } from '../cluster/ports.ts';
import type { Address } from '../core/names.ts';
import type { Binding } from '../transport/transport.ts';

interface Opened {
  readonly host: string;
  readonly binding: Promise<Binding>;
}

export class SpareSocket {
  readonly #sockets: Pick<LinkPort['sockets'], 'bind'>;
  #opened: Opened | undefined;

  constructor(sockets: Pick<LinkPort['sockets'], 'bind'>) {
    this.#sockets = sockets;
  }

  /** Its address on that host; one on another host is closed. Rejects as `bind` does. */
  async on(host: string): Promise<Address> {
    if (this.#opened?.host !== host) {
      this.close();
      this.#opened = { host, binding: this.#sockets.bind({ host }) };
    }
    const opened = this.#opened;
    try {
      return (await opened.binding).address;
    } catch (error) {
      // The next one tries again.
      if (this.#opened === opened) this.#opened = undefined;
      throw error;
    }
  }

  close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.binding.then(
      (binding) => binding[Symbol.dispose](),
      () => {
        // Nothing is open, and whoever asked for it knows why.
      },
    );
  }
}
