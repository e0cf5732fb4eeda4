/**
 * The native QUIC library by itself, driven by hand over a node:dgram socket: one stream, datagrams
 * as large as ours, nothing above it. What comes is read and thrown away.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { makeCertificate } from '../certificate.mjs';
import { answerParent, childArguments } from '../children.mjs';

const quiche = createRequire(import.meta.url)('@infisical/quic/dist/native/quiche.js').default;
const DATAGRAM_BYTES = 16_384;
const CHUNK = Buffer.alloc(65_536, 0x61);
const STREAM = 0;

const { role, facts } = childArguments();
if (role === 'server') await serve();
else await write();

async function serve() {
  const config = await configOf('server');
  const scratch = Buffer.alloc(65_536);
  const socket = await bound();
  const byPeer = new Map();
  socket.on('message', (datagram, { address, port }) => {
    const peer = `${address}:${port}`;
    let end = byPeer.get(peer);
    if (end === undefined) {
      end = new End(socket, (local) =>
        quiche.Connection.accept(randomBytes(16), null, local, { host: address, port }, config),
      );
      byPeer.set(peer, end);
    }
    end.take(datagram, { host: address, port }, (connection) => {
      if (!connection.isReadable()) return;
      for (;;) {
        const read = connection.streamRecv(STREAM, scratch);
        if (read === null) return;
        if (!read[1]) continue;
        connection.streamSend(STREAM, Buffer.from('.'), true);
        return;
      }
    });
  });
  answerParent({ port: socket.address().port }, {});
}

async function write() {
  const config = await configOf('client');
  answerParent(undefined, { bulk: ({ bytes }) => bulk(config, bytes) });
}

async function bulk(config, bytes) {
  const socket = await bound();
  const remote = { host: '127.0.0.1', port: facts.port };
  const end = new End(socket, (local) =>
    quiche.Connection.connect(null, randomBytes(16), local, remote, config),
  );
  let sent = 0;
  let begin;
  const scratch = Buffer.alloc(1_024);
  await new Promise((resolve) => {
    const go = (connection) => {
      if (!connection.isEstablished()) return;
      begin ??= performance.now();
      while (sent < bytes) {
        const isLast = bytes - sent <= CHUNK.length;
        const part = isLast ? CHUNK.subarray(0, bytes - sent) : CHUNK;
        const taken = connection.streamSend(STREAM, part, isLast) ?? 0;
        sent += taken;
        if (taken < part.length) break;
      }
      if (sent < bytes || !connection.isReadable()) return;
      const read = connection.streamRecv(STREAM, scratch);
      if (read?.[1] === true) resolve();
    };
    socket.on('message', (datagram) => end.take(datagram, remote, go));
    end.flush();
  });
  const ms = performance.now() - begin;
  end.close();
  return ms;
}

/** One end of a connection: a burst of datagrams is taken in, then it is flushed once. */
class End {
  #socket;
  #local;
  #connection;
  #timer;
  #isWaking = false;

  constructor(socket, connect) {
    const { address: host, port } = socket.address();
    this.#socket = socket;
    this.#local = { host, port };
    this.#connection = connect(this.#local);
  }

  take(datagram, from, work) {
    this.#connection.recv(datagram, { from, to: this.#local });
    if (this.#isWaking) return;
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      work(this.#connection);
      this.flush();
    });
  }

  flush() {
    for (;;) {
      const target = Buffer.allocUnsafe(DATAGRAM_BYTES);
      const sent = this.#connection.send(target);
      if (sent === null) break;
      this.#socket.send(target.subarray(0, sent[0]), sent[1].to.port, sent[1].to.host);
    }
    clearTimeout(this.#timer);
    const timeout = this.#connection.timeout();
    if (timeout === null) return;
    this.#timer = setTimeout(() => {
      this.#connection.onTimeout();
      this.flush();
    }, timeout);
  }

  close() {
    clearTimeout(this.#timer);
    this.#socket.close();
  }
}

async function bound() {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.setRecvBufferSize(4_194_304);
  socket.setSendBufferSize(4_194_304);
  return socket;
}

async function configOf(name) {
  const { key, cert } = await makeCertificate(name);
  const config = quiche.Config.withBoringSslCtx(
    true,
    true,
    null,
    [Buffer.from(key)],
    [Buffer.from(cert)],
    'ed25519',
  );
  config.setApplicationProtos(['bulk']);
  config.setMaxIdleTimeout(60_000);
  config.setMaxRecvUdpPayloadSize(DATAGRAM_BYTES);
  config.setMaxSendUdpPayloadSize(DATAGRAM_BYTES);
  config.setInitialMaxData(16_777_216);
  config.setInitialMaxStreamDataBidiLocal(8_388_608);
  config.setInitialMaxStreamDataBidiRemote(8_388_608);
  config.setInitialMaxStreamsBidi(4);
  config.setInitialMaxStreamsUni(4);
  config.enablePacing(false);
  return config;
}
