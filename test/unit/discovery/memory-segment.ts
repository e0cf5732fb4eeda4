/** One network segment in memory: what one port sends, all hear at once, itself included. */
import type { MdnsWorld } from '../../../src/discovery/mdns.ts';
import type {
  MulticastDns,
  MulticastDnsOptions,
  MulticastMessage,
} from '../../../src/host/multicast-dns.ts';
import { systemDigest } from '../../../src/host/system-digest.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

export class MemorySegment {
  readonly time: VirtualTime = new VirtualTime();
  readonly sent: { readonly message: MulticastMessage; readonly from: string }[] = [];
  /** Set to make sending or opening fail. */
  fault: Error | undefined;
  readonly #ports = new Set<MulticastDnsOptions>();

  /** Ports that are open now. */
  get open(): number {
    return this.#ports.size;
  }

  /** What a machine with that address has of the world. */
  machine(ip: string): MdnsWorld {
    return {
      open: async (options: MulticastDnsOptions): Promise<MulticastDns> => {
        if (this.fault !== undefined) throw this.fault;
        this.#ports.add(options);
        return {
          send: async (message) => this.send(message, ip),
          close: async () => void this.#ports.delete(options),
        };
      },
      clock: this.time,
      timers: this.time,
      random: new SeededRandom(1),
      digest: systemDigest,
    };
  }

  /** From anybody. */
  send(message: MulticastMessage, from: string): void {
    if (this.fault !== undefined) throw this.fault;
    this.sent.push({ message, from });
    for (const port of this.#ports) port.onMessage(message, from);
  }
}
