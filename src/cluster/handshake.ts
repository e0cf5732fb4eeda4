/**
 * Admission on one connection: HELLO, then HELLO with a verdict, then the dialer's verdict. An
 * established connection means nothing yet; after the third step both ends have accepted.
 */
import { unreachable } from '../core/unreachable.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Verdict } from '../identity/admission.ts';
import {
  decodeAdmission,
  encodeAccept,
  encodeAsk,
  encodeKeys,
  encodeReject,
  type ForeignHello,
  type Hello,
  isRejectReason,
  type Reject,
  type RejectReason,
} from '../identity/hello.ts';
import {
  type Channel,
  type Closure,
  CONTROL,
  type Connection,
  type ConnectionEvents,
} from '../transport/transport.ts';

/** Judges and remembers peers. */
export interface Gate {
  /** Own HELLO for a peer with that key. */
  hello(connection: Connection, dialled: string | undefined): Uint8Array;
  judge(hello: Hello | ForeignHello, connection: Connection, dialled: string | undefined): Verdict;
  /** Statements of this node's rotated keys. */
  endorsements(): readonly Uint8Array[];
  /** True when these lead from the key that is pinned for that node to the one it proved. */
  isEndorsed(node: string, connection: Connection, endorsements: readonly Uint8Array[]): boolean;
  /** Holds the claim to the pin, and pins it durably where it is new. */
  pin(hello: Hello, connection: Connection): Promise<Verdict>;
}

/** How a handshake ended when nobody was let in. */
export interface Refused {
  readonly reason: RejectReason | 'protocol' | 'lost' | 'closed';
  /** Whose word it was. */
  readonly by: 'local' | 'peer';
  readonly detail: string;
  readonly seenIncarnation?: bigint | undefined;
}

export type Outcome =
  | { readonly kind: 'admitted'; readonly hello: Hello }
  | { readonly kind: 'refused'; readonly refused: Refused };

export interface HandshakeOptions {
  readonly connection: Connection;
  readonly gate: Gate;
  /** The name that the dialer means, where it knows one. */
  readonly dialled?: string | undefined;
  /** Another key is pinned for that name: it gets no HELLO unless that one has endorsed it. */
  readonly isOtherKey?: boolean | undefined;
  /** Asked before this end accepts: false when another connection is to be kept. */
  readonly isWanted: (hello: Hello) => boolean;
  /** The last call, exactly once. On `admitted` the connection is paused and waits for `admit`. */
  readonly onOutcome: (outcome: Outcome) => void;
}

export class Handshake implements ConnectionEvents {
  readonly connection: Connection;
  readonly #options: HandshakeOptions;
  #hello: Hello | ForeignHello | undefined;
  #isAwaitingVerdict = true;
  /** A dialer waits for the statements, an acceptor has given them. */
  #hasAsked = false;
  #isDone = false;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.connection = options.connection;
    this.connection.attach(this);
    if (this.connection.role === 'acceptor') return;
    if (options.isOtherKey === true) this.#ask();
    else this.#sendHello();
  }

  /** What the peer said of itself, once it did. */
  get peerHello(): Hello | undefined {
    return this.#hello?.kind === 'hello' ? this.#hello : undefined;
  }

  /** Gives this connection up in favour of another one to the same peer. */
  supersede(): void {
    this.#refuse({ reason: 'superseded', by: 'local', detail: 'both ends dialled' });
  }

  onFrame(channel: Channel, frame: Uint8Array): void {
    if (this.#isDone) return;
    if (channel !== CONTROL) throw new WireError('a message before admission');
    const message = decodeAdmission(frame);
    switch (message.kind) {
      case 'hello':
      case 'foreignHello':
        this.#onHello(message);
        break;
      case 'reject':
        this.#onReject(message);
        break;
      case 'ask':
        this.#onAsk();
        break;
      case 'keys':
        this.#onKeys(message.endorsements);
        break;
      case 'accept':
        this.#onAccept();
        break;
      default:
        unreachable(message);
    }
  }

  /** What it has seen of this node counts only from a peer that would be let in. */
  #onReject({ reason, detail, seenIncarnation }: Reject): void {
    const isJudged = this.peerHello !== undefined;
    this.#finish({ reason, detail, by: 'peer', ...(isJudged && { seenIncarnation }) });
  }

  onDrained(): void {
    // A handshake never fills a queue.
  }

  onClosed(closure: Closure): void {
    const { reason, by, detail = '' } = closure;
    this.#finish({ reason: reasonOf(reason), by, detail });
  }

  #ask(): void {
    this.#hasAsked = true;
    this.connection.send(CONTROL, encodeAsk());
  }

  /** Whoever asks may know: keys are shown to everybody, and statements name nobody. */
  #onAsk(): void {
    const { connection, gate } = this.#options;
    if (connection.role === 'dialer' || this.#hasAsked || this.#hello !== undefined) {
      throw new WireError('ASK out of turn');
    }
    this.#hasAsked = true;
    connection.send(CONTROL, encodeKeys(gate.endorsements()));
  }

  #onKeys(endorsements: readonly Uint8Array[]): void {
    const { connection, gate, dialled } = this.#options;
    if (connection.role === 'acceptor' || !this.#hasAsked) throw new WireError('KEYS out of turn');
    this.#hasAsked = false;
    if (dialled !== undefined && gate.isEndorsed(dialled, connection, endorsements)) {
      this.#sendHello();
      return;
    }
    // No REJECT before a HELLO: the word of the close says it.
    const detail = `another key is pinned for ${dialled}`;
    this.#finish({ reason: 'key-mismatch', by: 'local', detail });
  }

  #onHello(hello: Hello | ForeignHello): void {
    if (this.#hello !== undefined) throw new WireError('a second HELLO');
    if (this.connection.role === 'dialer' && this.#hasAsked) {
      throw new WireError('a HELLO that nobody has asked for');
    }
    this.#hello = hello;
    const { connection, gate, dialled } = this.#options;
    if (connection.role === 'acceptor') this.#sendHello();
    const verdict = gate.judge(hello, connection, dialled);
    if (verdict.kind === 'reject' || hello.kind === 'foreignHello') {
      this.#refuse({ by: 'local', ...(verdict.kind === 'reject' ? verdict : UNREADABLE) });
    } else if (connection.role === 'acceptor') {
      if (this.#options.isWanted(hello)) connection.send(CONTROL, encodeAccept());
      else this.supersede();
    }
  }

  #onAccept(): void {
    const hello = this.#hello;
    if (hello?.kind !== 'hello' || !this.#isAwaitingVerdict) {
      throw new WireError('ACCEPT out of turn');
    }
    this.#isAwaitingVerdict = false;
    // What follows waits with the transport until the pin is durable.
    this.connection.pause();
    void this.#pin(hello).then((verdict) => this.#onPinned(hello, verdict));
  }

  /** A pin that cannot be kept lets nobody in. */
  async #pin(hello: Hello): Promise<Verdict> {
    try {
      return await this.#options.gate.pin(hello, this.connection);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { kind: 'reject', reason: 'overloaded', detail };
    }
  }

  #onPinned(hello: Hello, verdict: Verdict): void {
    if (this.#isDone) return;
    if (verdict.kind === 'reject') {
      this.#refuse({ by: 'local', ...verdict });
      return;
    }
    if (this.connection.role === 'dialer') {
      if (!this.#options.isWanted(hello)) {
        this.#refuse({ reason: 'superseded', by: 'local', detail: 'the older link has to stay' });
        return;
      }
      this.connection.send(CONTROL, encodeAccept());
    }
    this.#isDone = true;
    this.#options.onOutcome({ kind: 'admitted', hello });
  }

  #sendHello(): void {
    const { connection, gate, dialled } = this.#options;
    connection.send(CONTROL, gate.hello(connection, dialled));
  }

  #refuse(refused: Refused): void {
    if (this.#isDone) return;
    const { reason, detail, seenIncarnation } = refused;
    if (reason !== 'protocol' && reason !== 'lost' && reason !== 'closed') {
      this.connection.send(CONTROL, encodeReject({ reason, detail, seenIncarnation }));
    }
    this.#finish(refused);
  }

  #finish(refused: Refused): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.connection.close(refused.reason, refused.detail);
    this.#options.onOutcome({ kind: 'refused', refused });
  }
}

const UNREADABLE: { readonly reason: RejectReason; readonly detail: string } = {
  reason: 'protocol-version',
  detail: 'unreadable HELLO',
};

/** The word of a closed connection, where it says why nobody was let in. */
function reasonOf(word: string): Refused['reason'] {
  if (isRejectReason(word) || word === 'protocol' || word === 'lost') return word;
  return 'closed';
}
