/** What crossed the network, by kind of message; and by node, where an experiment asks for it. */

export interface KindTraffic {
  messages: number;
  bytes: number;
}

export class Traffic<M extends { readonly kind: string }> {
  #bytesOf: ((message: M) => number) | undefined;
  #kinds = new Map<string, KindTraffic>();

  /** @param bytesOf bytes on the wire of a message; without it none are counted. */
  constructor(bytesOf?: (message: M) => number) {
    this.#bytesOf = bytesOf;
  }

  get kinds(): ReadonlyMap<string, Readonly<KindTraffic>> {
    return this.#kinds;
  }

  get messages(): number {
    let sum = 0;
    for (const { messages } of this.#kinds.values()) sum += messages;
    return sum;
  }

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#kinds.values()) sum += bytes;
    return sum;
  }

  count(message: M): void {
    let traffic = this.#kinds.get(message.kind);
    if (traffic === undefined) {
      traffic = { messages: 0, bytes: 0 };
      this.#kinds.set(message.kind, traffic);
    }
    traffic.messages += 1;
    if (this.#bytesOf !== undefined) traffic.bytes += this.#bytesOf(message);
  }

  /** Messages of that kind since the last reset. */
  of(kind: string): number {
    return this.#kinds.get(kind)?.messages ?? 0;
  }

  /** Counts bytes from now on, or no more: encoding costs more than everything else. */
  countBytes(bytesOf: ((message: M) => number) | undefined): void {
    this.#bytesOf = bytesOf;
  }

  reset(): void {
    this.#kinds = new Map();
  }
}
