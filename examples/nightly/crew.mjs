/** Nodes as processes: started, killed, stopped for a while, retired and cleaned up. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const STOP_MS = 10_000;
const WAIT_MS_MAX = 20_000;

export class Crew {
  #settings;
  #members = new Map();
  #waiting = new Set();
  #onMessage;

  /** `file`: what each runs; `settings`: what it is given, beside its name and its contacts. */
  constructor({ file, folder, secret, settings, onMessage }) {
    this.#settings = { file, folder, secret, settings };
    this.#onMessage = onMessage;
  }

  /** Starts a node, the second time with the identity of the first; resolves when it listens. */
  async start(name) {
    const { file, folder, secret, settings } = this.#settings;
    const dataDir = join(folder, name);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const logFile = join(dataDir, 'output.log');
    const log = openSync(logFile, 'a', 0o600);
    const contacts = [...this.#members.values()].map((each) => `${each.name}/${each.address}`);
    const child = fork(file, [JSON.stringify({ ...settings, name, dataDir, contacts })], {
      // The secret goes where other users of the machine cannot read it.
      env: { ...process.env, CREW_SECRET: secret },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const member = { name, child, logFile, members: [] };
    // The last words of a process may be read after its end.
    member.exited = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
    this.#members.set(name, member);
    child.on('message', (message) => this.#hear(member, message));
    child.on('exit', () => this.#hear(member, { type: 'exited' }));
    await this.until(`${name} listens`, () => member.address !== undefined);
  }

  processOf(name) {
    return this.#members.get(name).child.pid;
  }

  /** Resolves when each lists all of them; what was told before does not count. */
  async together() {
    const all = [...this.#members.values()];
    for (const member of all) member.members = [];
    await this.until('every node lists every other', () =>
      all.every(({ members }) => members.length === all.length),
    );
  }

  /** Without a goodbye: the process gets no chance to say anything. */
  async kill(name) {
    const member = this.#members.get(name);
    this.#members.delete(name);
    member.child.kill('SIGKILL');
    await member.exited;
  }

  /** With a goodbye; resolves when the process has ended. */
  async retire(name) {
    const member = this.#members.get(name);
    this.#members.delete(name);
    member.child.send({ type: 'stop' });
    await member.exited;
  }

  /** To each of them. */
  tell(message) {
    for (const { child } of this.#members.values()) child.send(message);
  }

  /** From now on the process does nothing at all, until `wake`. */
  halt(name) {
    this.#members.get(name).child.kill('SIGSTOP');
  }

  wake(name) {
    this.#members.get(name).child.kill('SIGCONT');
  }

  /** Resolves when the condition holds, which is asked again at each message. */
  until(what, condition, ms = WAIT_MS_MAX) {
    return new Promise((done, fail) => {
      const ask = (failure) => {
        if (failure === undefined && !condition()) return;
        clearTimeout(timer);
        this.#waiting.delete(ask);
        if (failure === undefined) done();
        else fail(failure);
      };
      const late = () => ask(new Error(`not within ${ms / 1_000} s: ${what}`));
      const timer = setTimeout(late, ms);
      this.#waiting.add(ask);
      ask();
    });
  }

  /** In order where possible, by force where not. */
  async stop() {
    const members = [...this.#members.values()];
    this.#members.clear();
    for (const { child } of members) {
      child.kill('SIGCONT');
      if (child.connected) child.send({ type: 'stop' });
    }
    const timer = setTimeout(() => {
      for (const { child } of members) child.kill('SIGKILL');
    }, STOP_MS);
    await Promise.all(members.map(({ exited }) => exited));
    clearTimeout(timer);
  }

  #hear(member, message) {
    if (message.type === 'listening') member.address = message.address;
    else if (message.type === 'view') member.members = message.members;
    this.#onMessage(member.name, message);
    const failure = this.#failureOf(member, message);
    for (const ask of [...this.#waiting]) ask(failure);
  }

  #failureOf(member, message) {
    if (message.type === 'broken') return new Error(`${member.name}: ${message.message}`);
    const isExpected = this.#members.get(member.name) !== member;
    if (message.type !== 'exited' || isExpected) return undefined;
    return new Error(`${member.name} ended:\n${readFileSync(member.logFile, 'utf8').trimEnd()}`);
  }
}

/**
 * Runs an example: exit code 0 when `run` says true, else 1. A first Ctrl-C cleans up, a second one
 * ends at once.
 */
export async function play({ name, run, cleanUp }) {
  let isStopping = false;
  const interrupt = async (exitCode) => {
    if (isStopping) process.exit(exitCode);
    isStopping = true;
    await cleanUp();
    process.exit(exitCode);
  };
  process.on('SIGINT', () => void interrupt(130));
  process.on('SIGTERM', () => void interrupt(143));
  try {
    process.exitCode = (await run()) ? 0 : 1;
  } catch (error) {
    if (!isStopping) console.error(`${name}: ${error.message}`);
    process.exitCode ||= 1;
  } finally {
    if (!isStopping) await cleanUp();
  }
}
