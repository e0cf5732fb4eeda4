/** The five processes: started, told what to do, watched, killed and cleaned up. */
import { fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_FILE = fileURLToPath(new URL('node.mjs', import.meta.url));
const STOP_MS = 15_000;

export class Fleet {
  /** By name, in the order of starting. */
  members = new Map();
  #folder;
  #secret;
  #waiting = new Set();
  #onMessage;

  constructor({ folder, secret, onMessage }) {
    this.#folder = folder;
    this.#secret = secret;
    this.#onMessage = onMessage;
  }

  /** Starts one node; resolves with its address when it listens. */
  async start(name, contacts) {
    const dataDir = join(this.#folder, name);
    mkdirSync(dataDir, { mode: 0o700 });
    const logFile = join(dataDir, 'node.log');
    const log = openSync(logFile, 'a', 0o600);
    const child = fork(NODE_FILE, [JSON.stringify({ name, contacts, dataDir })], {
      // The secret goes where other users of the machine cannot read it.
      env: { ...process.env, DEMO_SECRET: this.#secret },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const member = { name, child, dataDir, logFile, state: 'starting', work: {} };
    member.exited = new Promise((done) => child.once('exit', done));
    this.members.set(name, member);
    child.on('message', (message) => this.#hear(member, message));
    child.on('exit', () => this.#hear(member, { type: 'exited' }));
    await this.until(`${name} listens`, () => member.address !== undefined);
    return member.address;
  }

  get alive() {
    return [...this.members.values()].filter(({ state }) => state === 'up');
  }

  tell(name, message) {
    this.members.get(name).child.send(message);
  }

  /** Without a goodbye: the process gets no chance to say anything. */
  async kill(name) {
    const member = this.members.get(name);
    member.state = 'killed';
    member.child.kill('SIGKILL');
    await member.exited;
  }

  /** Resolves when the condition holds, which is asked again at each message. */
  until(what, condition, timeoutMs = 60_000) {
    return new Promise((done, fail) => {
      const ask = (failure) => {
        if (failure === undefined && !condition()) return;
        clearTimeout(timer);
        this.#waiting.delete(ask);
        if (failure === undefined) done();
        else fail(failure);
      };
      const late = () => ask(new Error(`not within ${timeoutMs / 1_000} s: ${what}`));
      const timer = setTimeout(late, timeoutMs);
      this.#waiting.add(ask);
      ask();
    });
  }

  /** In order where possible, by force where not. */
  async stop() {
    const members = [...this.members.values()].filter(({ state }) => state !== 'gone');
    for (const { child } of members) if (child.connected) child.send({ type: 'stop' });
    const timer = setTimeout(() => {
      for (const { child } of members) child.kill('SIGKILL');
    }, STOP_MS);
    await Promise.all(members.map(({ exited }) => exited));
    clearTimeout(timer);
  }

  #hear(member, message) {
    if (message.type === 'listening') {
      Object.assign(member, { state: 'up', address: message.address });
    } else if (message.type === 'view') {
      Object.assign(member, message);
    }
    this.#onMessage(member.name, message);
    const failure = this.#failureOf(member, message);
    for (const ask of [...this.#waiting]) ask(failure);
  }

  #failureOf(member, message) {
    if (message.type === 'broken') return new Error(`${member.name}: ${message.message}`);
    if (message.type !== 'exited') return undefined;
    const isExpected = member.state === 'killed';
    if (!isExpected) member.state = 'gone';
    return isExpected ? undefined : new Error(`${member.name} ended:\n${tail(member.logFile)}`);
  }
}

function tail(file) {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
}
