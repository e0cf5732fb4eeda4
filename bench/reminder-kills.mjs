/**
 * How late a reminder is when its owner dies before it is due: processes on loopback, each with a
 * data directory and a handler. One of them sets a reminder, the one that owns its key is killed
 * (SIGKILL) a second before it is due, and from the due time it is measured until another one has
 * it. The killed process is started again before the next round. It judges nothing, but for what
 * fires twice.
 *
 *     node bench/reminder-kills.mjs [--processes 8] [--rounds 30]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments, startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { percentile, sleep } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const FILE = fileURLToPath(import.meta.url);
const LOOK_MS = 20;
const DUE_IN_MS = 2_500;
/** Before it is due. */
const KILLED_MS = 1_000;
/** Nobody has it for so long: something is broken. */
const LATE_MS_MAX = 60_000;

async function main() {
  const { values } = parseArgs({
    options: {
      processes: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '30' },
    },
  });
  const rounds = Number(values.rounds);
  printMachine(`${values.processes} processes, ${rounds} rounds, late by milliseconds`);
  const field = new Field(Number(values.processes));
  try {
    await field.fill();
    const samples = [];
    for (let round = 0; round < rounds; round += 1)
      samples.push(await field.round(`bill ${round}`));
    const [p50, p99, most] = [0.5, 0.99, 1].map((q) => percentile(samples, q).toFixed(0));
    console.log(`owner killed before the due time: p50 ${p50}, p99 ${p99}, most ${most}`);
    console.log(`fired more than once: ${await field.doubles()} of ${rounds}`);
  } finally {
    await field.clear();
  }
}

class Field {
  #count;
  #folder = mkdtempSync(join(tmpdir(), 'barrel-reminders-'));
  #children = new Map();
  /** Of processes that were killed: how often each key fired there. */
  #firedBefore = [];

  constructor(count) {
    this.#count = count;
  }

  async fill() {
    for (let index = 0; index < this.#count; index += 1) await this.#start(index);
    await this.#whole();
  }

  async round(key) {
    const [any] = this.#children.values();
    const owner = await any.ask('owner', { key });
    const index = Number(owner.slice(1, owner.indexOf('@')));
    const [setter] = [...this.#children].filter(([other]) => other !== index).map(([, one]) => one);
    const dueMs = Date.now() + DUE_IN_MS;
    await setter.ask('set', { key, dueMs });
    await sleep(dueMs - KILLED_MS - Date.now());
    const child = this.#children.get(index);
    this.#children.delete(index);
    this.#firedBefore.push(await child.ask('fired'));
    await child.stop();
    const firedMs = await this.#firedAt(key);
    await this.#start(index);
    await this.#whole();
    return firedMs - dueMs;
  }

  /** How many keys fired more than once, here and there. */
  async doubles() {
    const now = await Promise.all([...this.#children.values()].map((child) => child.ask('fired')));
    const counts = new Map();
    for (const [key] of [...now, ...this.#firedBefore].flat()) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts.values()].filter((count) => count > 1).length;
  }

  async clear() {
    await Promise.all([...this.#children.values()].map((child) => child.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(index) {
    const dataDir = join(this.#folder, `n${index}`);
    const contacts = [...this.#children.values()].map((child) => child.up.address);
    this.#children.set(index, await startChild(FILE, 'member', { index, dataDir, contacts }));
  }

  async #whole() {
    const children = [...this.#children.values()];
    await Promise.all(children.map((child) => child.ask('whole', { count: this.#count })));
  }

  async #firedAt(key) {
    for (const beginMs = Date.now(); Date.now() - beginMs < LATE_MS_MAX; await sleep(LOOK_MS)) {
      const all = await Promise.all([...this.#children.values()].map((one) => one.ask('fired')));
      const found = all.flat().find(([other]) => other === key);
      if (found !== undefined) return found[1];
    }
    throw new Error(`nobody has fired ${key} for ${LATE_MS_MAX} ms`);
  }
}

async function member({ index, dataDir, contacts }) {
  const name = `n${index}@bench`;
  const node = await createNode({ name, dataDir, contacts, secret: SECRET });
  const fired = [];
  node.reminders.handle(({ key }) => {
    fired.push([key, Date.now()]);
  });
  await node.ready();
  answerParent(
    { address: node.address },
    {
      owner: ({ key }) => node.shards.place(key),
      set: ({ key, dueMs }) => node.reminders.set(key, dueMs, null, { delivery: 'at-least-once' }),
      fired: () => fired,
      whole: async ({ count }) => {
        while (node.members().length < count) await sleep(LOOK_MS);
      },
    },
  );
}

if (process.argv[2] === 'member') await member(childArguments().facts);
else await main();
