/** The floor: bytes over one node:tls 1.3 socket with certificates on both ends. */
import { once } from 'node:events';
import tls from 'node:tls';
import { makeCertificate } from '../certificate.mjs';
import { answerParent, childArguments } from '../children.mjs';

const CHUNK_BYTES = 65_536;

const { role, facts } = childArguments();
if (role === 'server') await serve();
else await write();

async function serve() {
  const credentials = { ...(await makeCertificate('server')), minVersion: 'TLSv1.3' };
  const options = {
    ...credentials,
    requestCert: true,
    rejectUnauthorized: false,
    allowHalfOpen: true,
  };
  const server = tls.createServer(options, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
    socket.on('end', () => socket.end('.'));
  });
  server.listen(0, '127.0.0.1', () => answerParent({ port: server.address().port }, {}));
}

async function write() {
  const credentials = await makeCertificate('client');
  answerParent(undefined, { bulk: ({ bytes }) => bulk(credentials, bytes) });
}

async function bulk(credentials, bytes) {
  const target = { port: facts.port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = tls.connect({ ...target, ...credentials, allowHalfOpen: true });
  await once(socket, 'secureConnect');
  const chunk = Buffer.alloc(CHUNK_BYTES, 0x61);
  const begin = performance.now();
  for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) {
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  socket.resume();
  await once(socket, 'end');
  const ms = performance.now() - begin;
  socket.destroy();
  return ms;
}
