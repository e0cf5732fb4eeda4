/**
 * One node of the example, one operating-system process. It runs the job when it is elected, and
 * tells its parent what became of each line.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode } from 'barrel-p2p';
import { FencedFile } from './fenced-file.mjs';

/** The work for one line. */
const WORK_MS = 250;
const VIEW_MS = 100;

const { name, contacts, dataDir, report, isGuarded } = JSON.parse(process.argv[2]);
const { CREW_SECRET: secret } = process.env;
const file = new FencedFile(report, { isGuarded });
const node = await createNode({ name, contacts, dataDir, cluster: 'nightly', secret });
// Ctrl-C reaches every process of the terminal; the parent decides what happens then.
process.on('SIGINT', () => {});
process.on('disconnect', () => void stop());
process.on('message', () => void stop());
if (!process.connected) await stop();
tell({ type: 'listening', address: node.address });
const viewing = setInterval(() => tell({ type: 'view', members: node.members() }), VIEW_MS);

await node.ready();
node.leaders.run('nightly', job).catch((error) => {
  tell({ type: 'broken', message: String(error?.stack ?? error) });
});

/** One line after the other, until the term is over or somebody later has been here. */
async function job({ fence, signal }) {
  for (let step = 1; !signal.aborted; step += 1) {
    // It works on when it is told to stop, as anything may that stands still in the wrong moment.
    await sleep(WORK_MS);
    const text = `${name}, process ${process.pid}, step ${step}`;
    const line = await file.append(fence, text);
    const type = line === undefined ? 'refused' : 'wrote';
    tell({ type, fence: fence.toString(), text, line });
    if (line === undefined) return;
  }
}

async function stop() {
  clearInterval(viewing);
  await node.close();
  process.exit(0);
}

function tell(message) {
  if (process.connected) process.send(message);
}
