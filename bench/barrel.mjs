/**
 * Our two ends: a node that offers an echo service and a sink, and one that calls and floods them.
 * The same public interface as any user's program.
 */
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments } from './children.mjs';
import { measureCalls, PAYLOAD_BYTES } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const LONG_MS = 120_000;

const { role, facts } = childArguments();
if (role === 'server') await serve();
else await call();

async function serve() {
  const node = await createNode({ name: 'server@bench', secret: SECRET });
  const sink = startSink(node);
  await node.services.register('sink', sink.pid);
  await node.services.register('echo', {
    echo: (payload) => payload,
    expect: (count) => sink.expect(count),
    received: () => sink.received(),
  });
  answerParent({ address: node.address }, { rss: () => process.memoryUsage.rss() });
}

/** A process that counts what comes. */
function startSink(node) {
  let left = 0;
  let whenAll = Promise.resolve();
  let resolveAll = () => {};
  const pid = node.processes.spawn(async (self) => {
    for await (const _ of self) {
      left -= 1;
      if (left === 0) resolveAll();
    }
  });
  return {
    pid,
    expect: (count) => {
      left = count;
      whenAll = new Promise((resolve) => {
        resolveAll = resolve;
      });
    },
    received: () => whenAll,
  };
}

async function call() {
  const node = await createNode({ name: 'client@bench', secret: SECRET });
  await node.join(facts.address);
  const found = await node.services.whereis('sink', { retries: 10 });
  const echo = node.services.client('echo', { timeoutMs: LONG_MS });
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(0x61);
  await echo.echo(payload);
  answerParent(undefined, {
    rss: () => process.memoryUsage.rss(),
    calls: (options) => measureCalls(() => echo.echo(payload), options),
    connect,
    flood: (options) => flood(node, { ...options, pid: found.pid, echo }),
  });
}

/** Sends as fast as the other end takes; milliseconds until all messages are there. */
async function flood(node, { count, bytes, pid, echo }) {
  const message = new Uint8Array(bytes).fill(0x61);
  await echo.expect(count);
  const begin = performance.now();
  for (let sent = 0; sent < count; sent += 1) {
    if (!node.processes.send(pid, message)) await node.processes.drained(pid);
  }
  await echo.received();
  return performance.now() - begin;
}

/** Milliseconds for a fresh node to dial, authenticate and be accepted. */
async function connect() {
  const node = await createNode({ secret: SECRET });
  const begin = performance.now();
  await node.join(facts.address);
  const ms = performance.now() - begin;
  await node.close();
  return ms;
}
