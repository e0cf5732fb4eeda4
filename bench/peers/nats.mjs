/** Request and reply over a NATS server, which runs beside its two clients: plaintext. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as openSocket } from 'node:net';
import { answerParent, childArguments, load, measureCalls, PAYLOAD_BYTES } from './peer.mjs';

const { connect } = load('@nats-io/transport-node');
const PORT = 42_231;

const { role } = childArguments();
if (role === 'server') await serve();
else await call();

async function serve() {
  const broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', `${PORT}`], { stdio: 'ignore' });
  process.on('disconnect', () => broker.kill('SIGKILL'));
  await listening();
  const client = await connect({ servers: `127.0.0.1:${PORT}` });
  client.subscribe('echo', { callback: (_error, message) => message.respond(message.data) });
  await client.flush();
  answerParent({ pids: [broker.pid] }, { stop: () => broker.kill('SIGKILL') });
}

/** Resolves when the server takes connections; the child ends when it does not start. */
async function listening() {
  for (;;) {
    const socket = openSocket(PORT, '127.0.0.1');
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['connect']),
      once(socket, 'error').then(() => ['error']),
    ]).catch(() => ['error']);
    socket.destroy();
    if (event === 'connect') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function call() {
  const client = await connect({ servers: `127.0.0.1:${PORT}` });
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(0x61);
  answerParent(undefined, {
    calls: (options) =>
      measureCalls(() => client.request('echo', payload, { timeout: 5_000 }), options),
  });
}
