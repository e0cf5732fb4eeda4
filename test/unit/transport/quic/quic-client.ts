/** The client's end of a handshake, without a socket: its first datagram, and the one after. */
import { randomBytes } from 'node:crypto';
import { createCertificate } from '../../../../src/identity/certificate.ts';
import { createKeyPair } from '../../../../src/identity/keys.ts';
import { initialHeaderOf } from '../../../../src/transport/quic/datagram.ts';
import { type NativeConnection, native } from '../../../../src/transport/quic/native.ts';
import { Settings } from '../../../../src/transport/quic/settings.ts';
import { testHost } from '../../identity/fixtures.ts';

const LOCAL = { host: '10.0.0.1', port: 4_000 };
const REMOTE = { host: '10.0.0.9', port: 5_000 };

const { config } = (await clientSettings()).forPeer(REMOTE.host);

export class QuicClient {
  readonly #connection: NativeConnection;
  readonly #first: Uint8Array;

  constructor() {
    const id = randomBytes(16);
    this.#connection = native.Connection.connect(null, id, LOCAL, REMOTE, config);
    this.#first = this.#next();
  }

  first(): Uint8Array {
    return this.#first.slice();
  }

  /** What the first datagram addressed. */
  get originalId(): Uint8Array {
    return initialHeaderOf(this.#first)?.destinationId.slice() ?? new Uint8Array(0);
  }

  /** What it says to an answer. */
  answer(datagram: Uint8Array | undefined): Uint8Array {
    if (datagram === undefined) throw new Error('nothing was answered');
    this.#connection.recv(datagram.slice(), { from: REMOTE, to: LOCAL });
    return this.#next();
  }

  #next(): Uint8Array {
    const target = new Uint8Array(1_350);
    const sent = this.#connection.send(target);
    if (sent === null) throw new Error('the client has nothing to say');
    return target.slice(0, sent[0]);
  }
}

async function clientSettings(): Promise<Settings> {
  const host = testHost();
  const keyPair = createKeyPair(host.random);
  const certificatePem = await createCertificate({ host, keyPair, name: 'client@test' });
  return new Settings({ ...keyPair, certificatePem }, 0);
}
