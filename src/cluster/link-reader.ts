/** Hands the frames of one link up; a peer that breaks the rules, or floods, loses its link. */
import { WireError } from '../core/wire/wire-error.ts';
import type { Host } from '../host/host.ts';
import { decodeReject, type Reject } from '../identity/hello.ts';
import {
  type Channel,
  type Closure,
  CONTROL,
  type ConnectionEvents,
} from '../transport/transport.ts';
import { ControlIntake } from './control-intake.ts';
import type { AdmittedLink, Link, LinkTableEvents } from './link.ts';

export interface LinkReaderOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  readonly events: LinkTableEvents;
  readonly onEnd: (link: Link, closure: Closure) => void;
  /** The acceptor could not pin, which it finds last of all: this end was let in too early. */
  readonly onRejected: (link: Link, reject: Reject) => void;
  /** A counted frame came: whoever had parted from the link goes on with it. */
  readonly onUse: (link: Link) => void;
}

export class LinkReader implements ConnectionEvents {
  readonly #link: AdmittedLink;
  readonly #options: LinkReaderOptions;
  readonly #control: ControlIntake;
  #isFirst = true;

  constructor(link: AdmittedLink, options: LinkReaderOptions) {
    const { host } = options;
    this.#link = link;
    this.#options = options;
    this.#control = new ControlIntake({
      host,
      deliver: (frame) => this.#deliver(CONTROL, frame),
      onSlowed: () => {
        host.meter.counter('barrel_links_slowed_total').value += 1;
      },
      onFlooded: () => {
        host.logger.warn('a peer sends more than this node can take', { node: link.node });
        this.#end('overloaded', 'too many control frames wait');
      },
    });
  }

  onFrame(channel: Channel, frame: Uint8Array): void {
    if (channel === CONTROL) this.#control.take(frame);
    else this.#deliver(channel, frame);
  }

  onDrained(): void {
    this.#options.events.onDrained(this.#link);
  }

  onClosed(closure: Closure): void {
    this.#control.close();
    this.#options.onEnd(this.#link, closure);
  }

  /** What waits does not count as received: a link with such frames is not over. */
  #deliver(channel: Channel, frame: Uint8Array): void {
    const { events, onUse } = this.#options;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    try {
      const reject = isFirst && channel === CONTROL ? this.#lateReject(frame) : undefined;
      if (reject !== undefined) {
        this.#options.onRejected(this.#link, reject);
        return;
      }
      if (this.#link.use.received(channel, frame)) onUse(this.#link);
      events.onFrame(this.#link, channel, frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#end('protocol', error.message);
    }
  }

  #lateReject(frame: Uint8Array): Reject | undefined {
    return this.#link.connection.role === 'dialer' ? decodeReject(frame) : undefined;
  }

  #end(reason: 'protocol' | 'overloaded', detail: string): void {
    this.#control.close();
    this.#link.connection.close(reason, detail);
    this.#options.onEnd(this.#link, { reason, by: 'local', detail });
  }
}
