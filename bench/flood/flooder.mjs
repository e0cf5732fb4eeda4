/**
 * Floods a node with handshakes, by the native library alone. First datagrams are made once and
 * sent under connection ids of their own; only `full` answers what it hears.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { makeCertificate } from '../certificate.mjs';
import { answerParent, childArguments } from '../children.mjs';

const quiche = createRequire(import.meta.url)('@infisical/quic/dist/native/quiche.js').default;

const TURN_MS = 10;
const POOL = 20_000;
const ADDRESSES = 250;
const { facts } = childArguments();
const remote = { host: '127.0.0.1', port: Number(facts.address.split(':').at(-1)) };
const config = await clientConfig();

let timer;
let sent = 0;
let beganMs = 0;
let sockets = [];

answerParent(undefined, { start, stop });

async function start({ kind, rate }) {
  const count = kind === 'spoofed' ? ADDRESSES : 1;
  sockets = await Promise.all(Array.from({ length: count }, (_, i) => bound(`127.0.1.${i + 1}`)));
  const pool = Array.from({ length: POOL }, () => firstDatagram().datagram);
  beganMs = performance.now();
  sent = 0;
  const one = kind === 'full' ? () => finish(sockets[0]) : () => sendFirst(pool);
  timer = setInterval(() => {
    const due = ((performance.now() - beganMs) / 1_000) * rate;
    while (sent < due) {
      one();
      sent += 1;
    }
  }, TURN_MS);
}

function stop() {
  clearInterval(timer);
  const perSecond = (sent * 1_000) / (performance.now() - beganMs);
  for (const socket of sockets) socket.close();
  return { perSecond };
}

function sendFirst(pool) {
  const socket = sockets[sent % sockets.length];
  socket.send(pool[sent % POOL], remote.port, remote.host);
}

/** Each connection ends as soon as it is established, without a HELLO. */
function finish(socket) {
  const { connection, datagram, id } = firstDatagram();
  byId.set(id.toString('latin1'), connection);
  if (byId.size > 2_000) byId.delete(byId.keys().next().value);
  socket.send(datagram, remote.port, remote.host);
}

const byId = new Map();

function onMessage(datagram, socket) {
  const isLong = (datagram[0] & 0x80) !== 0;
  const at = isLong ? 6 : 1;
  const connection = byId.get(datagram.toString('latin1', at, at + 16));
  if (connection === undefined) return;
  const local = socket.address();
  const to = { host: local.address, port: local.port };
  try {
    connection.recv(datagram, { from: remote, to });
    if (connection.isEstablished()) connection.close(true, 0, Buffer.from('closed'));
  } catch {
    // Refused; the next one comes anyway.
  }
  for (;;) {
    const target = Buffer.alloc(1_350);
    const part = connection.send(target);
    if (part === null) return;
    socket.send(target.subarray(0, part[0]), remote.port, remote.host);
  }
}

function firstDatagram() {
  const id = randomBytes(16);
  const local = { host: '127.0.1.1', port: 1 };
  const connection = quiche.Connection.connect(null, id, local, remote, config);
  const target = Buffer.alloc(1_350);
  const [length] = connection.send(target);
  return { connection, id, datagram: target.subarray(0, length) };
}

async function bound(host) {
  const socket = createSocket('udp4');
  socket.on('message', (datagram) => onMessage(datagram, socket));
  await new Promise((resolve) => socket.bind(0, host, resolve));
  return socket;
}

async function clientConfig() {
  const { key, cert } = await makeCertificate('flooder');
  const made = quiche.Config.withBoringSslCtx(
    true,
    true,
    null,
    [Buffer.from(key)],
    [Buffer.from(cert)],
    'ed25519',
  );
  made.setApplicationProtos(['barrel-p2p/1']);
  made.setMaxIdleTimeout(30_000);
  made.setInitialMaxData(1_000_000);
  made.setInitialMaxStreamDataBidiLocal(100_000);
  made.setInitialMaxStreamDataBidiRemote(100_000);
  made.setInitialMaxStreamDataUni(100_000);
  made.setInitialMaxStreamsBidi(10);
  made.setInitialMaxStreamsUni(10);
  return made;
}
