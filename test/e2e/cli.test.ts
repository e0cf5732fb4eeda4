import { existsSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatusReport } from '../../src/admin/control-protocol.ts';
import { until, Workshop } from './fixtures/processes.ts';

let workshop: Workshop;

beforeAll(() => {
  workshop = new Workshop();
});

afterAll(() => workshop.close());

describe('a node started by the command', () => {
  test('prints one line when ready, answers, and ends in order on SIGTERM', async () => {
    const dataDir = workshop.path('one');
    const node = workshop.start(['--name', 'one@test', '--data-dir', dataDir, '--zone', 'east']);
    const ready = await node.ready;
    expect(ready).toMatchObject({
      name: 'one@test',
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });

    const status = await report(dataDir);
    expect(status).toMatchObject({
      name: 'one@test',
      state: 'ready',
      address: ready.address,
      fingerprint: ready.fingerprint,
      processId: node.child.pid,
    });
    expect(status.members).toMatchObject([{ node: 'one@test', zone: 'east' }]);

    const text = await workshop.barrel(['status', '--data-dir', dataDir]);
    expect(text.stdout).toMatch(/^one@test is ready, up /);
    expect(text.stdout).toContain(ready.fingerprint);

    node.child.kill('SIGTERM');
    expect(await node.exitCode).toBe(0);
    expect(node.lines).toHaveLength(1);
    expect(existsSync(`${dataDir}/control.sock`)).toBe(false);
  });

  test('takes its options from BARREL_* as well', async () => {
    const secretFile = workshop.path('secret');
    const secret = (await workshop.barrel(['keys', 'secret'])).stdout;
    writeFileSync(secretFile, secret, { mode: 0o600 });
    const first = workshop.start([], {
      BARREL_NAME: 'env-a@test',
      BARREL_DATA_DIR: workshop.path('env-a'),
      BARREL_SECRET_FILE: secretFile,
      BARREL_CLUSTER: 'env',
    });
    const { address } = await first.ready;
    const second = workshop.start([], {
      BARREL_NAME: 'env-b@test',
      BARREL_DATA_DIR: workshop.path('env-b'),
      BARREL_SECRET: secret.trim(),
      BARREL_CLUSTER: 'env',
      BARREL_CONTACT: `env-a@test/${address}`,
    });
    await second.ready;
    const { stdout } = await workshop.barrel(['status', '--json'], {
      BARREL_DATA_DIR: workshop.path('env-b'),
    });
    const { members } = JSON.parse(stdout) as StatusReport;
    expect(members.map(({ node }) => node)).toEqual(['env-a@test', 'env-b@test']);
  });

  test('a second process with the same data directory is refused, the first goes on', async () => {
    const dataDir = workshop.path('twice');
    const node = workshop.start(['--name', 'twice@test', '--data-dir', dataDir]);
    await node.ready;
    const second = await workshop.barrel(['start', '--data-dir', dataDir]);
    expect(second).toMatchObject({ exitCode: 1, stdout: '' });
    expect(second.stderr).toMatch(/^barrel: ERR_STORE: the data directory is in use: .*\n$/);
    expect((await report(dataDir)).name).toBe('twice@test');
  });

  test('what a killed process left behind is replaced at the next start', async () => {
    const dataDir = workshop.path('killed');
    const words = ['--name', 'killed@test', '--data-dir', dataDir];
    const first = workshop.start(words);
    const { fingerprint } = await first.ready;
    first.child.kill('SIGKILL');
    await first.exitCode;
    expect(existsSync(`${dataDir}/control.sock`)).toBe(true);
    expect(await workshop.barrel(['status', '--data-dir', dataDir])).toMatchObject({ exitCode: 3 });
    expect(await workshop.start(words).ready).toMatchObject({ fingerprint });
    expect((await report(dataDir)).state).toBe('ready');
  });

  test('the control socket and its directory are closed to others', async () => {
    const dataDir = workshop.path('closed');
    await workshop.start(['--data-dir', dataDir]).ready;
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(`${dataDir}/control.sock`).mode & 0o777).toBe(0o600);
  });

  test('a second signal ends the process at once', async () => {
    const node = workshop.start([]);
    await node.ready;
    node.child.kill('SIGINT');
    node.child.kill('SIGTERM');
    expect([130, 143]).toContain(await node.exitCode);
  });

  test('readiness is told by the exit code of `status --ready`', async () => {
    const dataDir = workshop.path('waiting');
    const ask = ['status', '--ready', '--data-dir', dataDir];
    const waiting = workshop.start(['--data-dir', dataDir, '--contact', '127.0.0.1:9']);
    await until(() => waiting.log.includes('listening'));
    const { exitCode, stderr } = await workshop.barrel(ask);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/^barrel: .* is not ready: starting\n$/),
    });
    waiting.child.kill('SIGINT');
    expect(await waiting.exitCode).toBe(0);

    await workshop.start(['--data-dir', dataDir]).ready;
    expect(await workshop.barrel(ask)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('a node that waits for its contact stops when it is told to', async () => {
    const node = workshop.start(['--contact', '127.0.0.1:9']);
    await until(() => node.log.includes('listening'));
    node.child.kill('SIGINT');
    expect(await node.exitCode).toBe(0);
    expect(node.lines).toEqual([]);
  });
});

describe('services', () => {
  let dataDir: string;

  beforeAll(async () => {
    const { address } = await workshop.echoNode('echo@test');
    dataDir = workshop.path('caller');
    const words = ['--name', 'caller@test', '--data-dir', dataDir, '--contact', address];
    await workshop.start(words).ready;
    await until(async () => (await services()).length > 0);
  });

  test('are listed with node, pid and metadata', async () => {
    expect(await services()).toMatchObject([
      {
        name: 'echo',
        node: 'echo@test',
        pid: expect.stringMatching(/^echo@test\//),
        meta: { paper: 'A4' },
      },
    ]);
    const { stdout } = await workshop.barrel(['services', '--data-dir', dataDir]);
    expect(stdout).toMatch(/^SERVICE +NODE +PID +META\necho +echo@test +echo@test\//);
  });

  test('are called with JSON, other types by their tags', async () => {
    const words = ['1', '"text"', '{"a":[null,true]}', '{"$bigint":"12345678901234567890"}'];
    const { exitCode, stdout } = await call('echo', ...words, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(words.map((word) => JSON.parse(word)));
    expect((await call('add', '-2', '0.5')).stdout).toBe('-1.5\n');
    expect((await call('nothing')).stdout).toBe('');
    expect((await call('nothing', '--json')).stdout).toBe('{"$undefined":true}\n');
  });

  test('what a method throws is one line and exit code 7', async () => {
    const { exitCode, stdout, stderr } = await call('fail');
    expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: '' });
    expect(stderr).toMatch(/^barrel: ERR_REMOTE: [^\n]*out of paper[^\n]*\n$/);
  });

  test('a call that is not answered in time is exit code 6', async () => {
    const { exitCode, stderr } = await call('never', '--timeout-ms', '200');
    expect(exitCode).toBe(6);
    expect(stderr).toMatch(/^barrel: ERR_TIMEOUT: [^\n]*\n$/);
  });

  test('a stream is printed line by line, however long it is', async () => {
    expect(await call('count', '3')).toMatchObject({
      exitCode: 0,
      stdout: '{"n":0}\n{"n":1}\n{"n":2}\n',
      stderr: '',
    });
    expect(await call('count', '0')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    const { stdout } = await call('count', '2000');
    expect(stdout.split('\n').length).toBe(2_001);
  });

  test('a method that no object offers is exit code 5', async () => {
    const { exitCode, stderr } = await call('constructor');
    expect(stderr).toMatch(/^barrel: ERR_NOT_FOUND: no service offers a method "constructor"\n$/);
    expect(exitCode).toBe(5);
  });

  test('a service that nobody has is exit code 5', async () => {
    const words = ['call', 'nobody', 'm', '--data-dir', dataDir];
    const { exitCode, stderr } = await workshop.barrel(words);
    expect(stderr).toMatch(/^barrel: ERR_NOT_FOUND: [^\n]*nobody[^\n]*\n$/);
    expect(exitCode).toBe(5);
  });

  test('an error is JSON when JSON was asked for', async () => {
    const { stderr } = await call('fail', '--json');
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'ERR_REMOTE', exitCode: 7 } });
  });

  async function services(): Promise<readonly unknown[]> {
    const { stdout } = await workshop.barrel(['services', '--json', '--data-dir', dataDir]);
    return JSON.parse(stdout) as readonly unknown[];
  }

  function call(method: string, ...words: readonly string[]): ReturnType<Workshop['barrel']> {
    return workshop.barrel(['call', 'echo', method, ...words, '--data-dir', dataDir]);
  }
});

describe('wrong words', () => {
  const wrong: readonly (readonly [words: string, exitCode: number, message: RegExp])[] = [
    ['status --jsn', 2, /unknown option '--jsn' \(Did you mean --json\?\)/],
    ['statsu', 2, /unknown command 'statsu' \(Did you mean status\?\)/],
    ['status', 2, /say which node: --data-dir <directory> or BARREL_DATA_DIR/],
    ['status --data-dir nowhere', 3, /no node is running with data directory nowhere/],
    ['call echo', 2, /missing required argument 'method'/],
    ['call echo echo bare --data-dir nowhere', 2, /argument 1 is not JSON: bare/],
    ['keys show --data-dir nowhere', 1, /no identity in nowhere/],
    ['start --port many', 2, /'--port <port>' argument 'many' is invalid/],
    ['start --trust blind', 2, /Allowed choices are tofu, strict/],
    ['start --secret-file nowhere', 2, /cannot read the secret file/],
    ['start --host 0.0.0.0', 2, /ERR_OPTION: `secret` is required/],
    ['start --name x --port 70000', 2, /ERR_OPTION: `name` must .*; `listen.port` must /],
  ];
  test.each(wrong)('%s: exit code %d', async (words, exitCode, message) => {
    const outcome = await workshop.barrel(words.split(' '));
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).toMatch(/^barrel: [^\n]*\n$/);
    expect(outcome.exitCode).toBe(exitCode);
  });

  test('a data directory too long for a socket is refused by name', async () => {
    const { exitCode, stderr } = await workshop.barrel(['start', '--data-dir', 'd'.repeat(120)]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^barrel: ERR_OPTION: `dataDir` is too long/);
  });

  test('help and version are no errors', async () => {
    expect(await workshop.barrel(['--version'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await workshop.barrel(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await workshop.barrel(['start', '--help'])).stdout).toContain('BARREL_CONTACT');
  });
});

describe('keys', () => {
  test('a secret is 43 characters and another one each time', async () => {
    const secrets = await Promise.all([
      workshop.barrel(['keys', 'secret']),
      workshop.barrel(['keys', 'secret']),
    ]);
    for (const { stdout } of secrets) expect(stdout).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(secrets[0]?.stdout).not.toBe(secrets[1]?.stdout);
  });

  test('the fingerprint is the one that the running node has', async () => {
    const dataDir = workshop.path('keys');
    const { fingerprint } = await workshop.start(['--data-dir', dataDir]).ready;
    const { stdout } = await workshop.barrel(['keys', 'show', '--json', '--data-dir', dataDir]);
    const shown = JSON.parse(stdout) as { fingerprint: string; publicKey: string };
    expect(shown.fingerprint).toBe(fingerprint);
    expect(Buffer.from(shown.publicKey, 'base64')).toHaveLength(32);
  });
});

async function report(dataDir: string): Promise<StatusReport> {
  const { stdout } = await workshop.barrel(['status', '--json', '--data-dir', dataDir]);
  return JSON.parse(stdout) as StatusReport;
}
