/** What a figure was measured on: it stands above each table. */
import os from 'node:os';

const MIB = 1_048_576;

/** @param method how it is measured, in one line. */
export function printMachine(method) {
  const cpus = os.cpus();
  const load = os.loadavg().map((one) => one.toFixed(2));
  console.log(`machine   ${cpus.length} x ${cpus[0]?.model.trim()}, ${os.arch()}`);
  console.log(`system    ${os.type()} ${os.release()}, ${Math.round(os.totalmem() / MIB)} MiB`);
  console.log(`node      ${process.version}; load before ${load.join(' ')}`);
  console.log(`method    ${method}\n`);
}
