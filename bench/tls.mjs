/**
 * The floor: an echo over node:tls 1.3 with certificates on both ends, frames of 8 + n bytes made
 * by hand (length, id), one connection. Frames with id 0 are swallowed, all others come back.
 */
import tls from 'node:tls';
import { makeCertificate } from './certificate.mjs';
import { answerParent, childArguments } from './children.mjs';
import { measureCalls, PAYLOAD_BYTES } from './method.mjs';

const HEADER_BYTES = 8;

const { role, facts } = childArguments();
if (role === 'server') await serve();
else await call();

async function serve() {
  const credentials = { ...(await makeCertificate('server')), minVersion: 'TLSv1.3' };
  const options = { ...credentials, requestCert: true, rejectUnauthorized: false };
  const server = tls.createServer(options, (socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', echoFrames(socket));
  });
  server.listen(0, '127.0.0.1', () => {
    answerParent({ port: server.address().port }, { rss: () => process.memoryUsage.rss() });
  });
}

function echoFrames(socket) {
  let rest = Buffer.alloc(0);
  let swallowing = 0;
  return (chunk) => {
    const swallowed = Math.min(swallowing, chunk.length);
    swallowing -= swallowed;
    const data = Buffer.concat([rest, chunk.subarray(swallowed)]);
    let echoFrom = 0;
    let at = 0;
    while (at + HEADER_BYTES <= data.length) {
      const end = at + HEADER_BYTES + data.readUInt32LE(at);
      if (data.readUInt32LE(at + 4) === 0) {
        if (at > echoFrom) socket.write(data.subarray(echoFrom, at));
        swallowing = Math.max(0, end - data.length);
        at = Math.min(end, data.length);
        echoFrom = at;
      } else if (end > data.length) break;
      else at = end;
    }
    if (at > echoFrom) socket.write(data.subarray(echoFrom, at));
    rest = data.subarray(at);
  };
}

async function call() {
  const credentials = await makeCertificate('client');
  const connection = await open(credentials);
  answerParent(undefined, {
    rss: () => process.memoryUsage.rss(),
    calls: (options) => measureCalls(connection.echo, options),
    connect: () => measureConnect(credentials),
    flood: (options) => flood(connection, options),
  });
}

/** One connection; `echo` resolves when its frame is back. */
async function open(credentials) {
  const target = { port: facts.port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = tls.connect({ ...target, ...credentials });
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  socket.setNoDelay(true);
  const waiting = new Map();
  let nextId = 0;
  socket.on('data', takeAnswers(waiting));
  const echo = () =>
    new Promise((resolve) => {
      nextId += 1;
      waiting.set(nextId, resolve);
      socket.write(frame(nextId, PAYLOAD_BYTES));
    });
  return { socket, echo };
}

function takeAnswers(waiting) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (at + HEADER_BYTES + PAYLOAD_BYTES <= data.length) {
      const id = data.readUInt32LE(at + 4);
      waiting.get(id)?.();
      waiting.delete(id);
      at += HEADER_BYTES + PAYLOAD_BYTES;
    }
    rest = data.subarray(at);
  };
}

/** One connection carries all in order, so the echo behind the flood says that all is there. */
async function flood({ socket, echo }, { count, bytes }) {
  const message = frame(0, bytes);
  const begin = performance.now();
  for (let sent = 0; sent < count; sent += 1) {
    if (!socket.write(message)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  await echo();
  return performance.now() - begin;
}

/** Until the first answer: only then is it sure that the server took our certificate. */
async function measureConnect(credentials) {
  const begin = performance.now();
  const { socket, echo } = await open(credentials);
  await echo();
  const ms = performance.now() - begin;
  socket.destroy();
  return ms;
}

function frame(id, bytes) {
  const buffer = Buffer.alloc(HEADER_BYTES + bytes, 0x61);
  buffer.writeUInt32LE(bytes, 0);
  buffer.writeUInt32LE(id, 4);
  return buffer;
}
