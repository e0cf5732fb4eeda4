/** Child processes that answer questions: how the bench talks to the two ends of a connection. */
import { fork } from 'node:child_process';

/** Starts `file` in a role and waits until it says what it has to say. */
export async function startChild(file, role, facts = {}) {
  const child = fork(file, [role, JSON.stringify(facts)], { serialization: 'advanced' });
  const answers = [];
  const waiting = [];
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.on('message', (message) => {
    const next = waiting.shift();
    if (next === undefined) answers.push(message);
    else next.resolve(message);
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting) reject(new Error(`${file} ${role} ended with ${code}`));
  });
  const answer = async () => {
    const message = answers.shift() ?? (await new Promise((...two) => waiting.push(pair(two))));
    if (message.error !== undefined) throw new Error(`${file} ${role}: ${message.error}`);
    return message.value;
  };
  return {
    pid: child.pid,
    up: await answer(),
    ask: (question, options = {}) => {
      child.send({ question, options });
      return answer();
    },
    stop: () => {
      child.kill('SIGKILL');
      return exited;
    },
  };
}

/** In the child: says that it is up, then answers each question with the method of that name. */
export function answerParent(up, methods) {
  process.on('message', async ({ question, options }) => {
    try {
      process.send({ value: await methods[question](options) });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit());
  process.send({ value: up });
}

/** Role and facts of this child. */
export function childArguments() {
  return { role: process.argv[2], facts: JSON.parse(process.argv[3] ?? '{}') };
}

function pair([resolve, reject]) {
  return { resolve, reject };
}
