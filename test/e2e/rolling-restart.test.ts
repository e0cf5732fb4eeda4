/** A service whose nodes are restarted one by one, under load: what its callers see of that. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fleet, type FleetMember, until } from './fixtures/fleet.ts';
import { machineMs } from './fixtures/machine-time.ts';

const SERVERS = 8;
const CLIENTS = 2;
const CALLS_PER_SECOND = 1_000;
const SERVICE = 'work';
const VISIBLE_MS = 15_000;
/** Processes start slowly where others share the processors. */
const RESTARTS_MS = 180_000;
const LOAD = { name: SERVICE, perSecond: CALLS_PER_SECOND / CLIENTS, timeoutMs: 10_000 };

interface Outcome {
  /** Where it went last. */
  readonly node: string;
  readonly sentMs: number;
  readonly endedMs: number;
  /** Empty for a call that was answered. */
  readonly failure: string;
}

const fleet = new Fleet();
const directories = Array.from({ length: SERVERS }, () => fleet.directory());
let clients: readonly FleetMember[];
let servers: FleetMember[];

beforeAll(async () => {
  clients = await fleet.form(CLIENTS);
  servers = await Promise.all(directories.map((_, at) => startServer(at)));
  await allListed(SERVERS);
  await Promise.all(clients.map((client) => client.ask('startLoad', LOAD)));
});

afterAll(() => fleet.close());

test(
  'no call fails while eight nodes are closed and started again, one by one',
  async () => {
    const beginMs = machineMs();
    const closedMs: number[] = [];
    for (const [at, server] of servers.entries()) {
      const signalMs = machineMs();
      server.child.kill('SIGTERM');
      await server.exited;
      closedMs.push(machineMs() - signalMs);
      expect(server.child.exitCode).toBe(0);
      servers[at] = await startServer(at);
      await allListed(SERVERS);
    }
    const calls = (await outcomes()).flat();
    const perSecond = (calls.length / (machineMs() - beginMs)) * 1_000;
    say(`${SERVERS} restarts, ${calls.length} calls, ${perSecond.toFixed(0)} a second`);
    say(`closed after at most ${Math.max(...closedMs).toFixed(0)} ms`);
    expect(calls.filter(hasFailed)).toEqual([]);
    expect(new Set(calls.map(({ node }) => node)).size).toBe(SERVERS);
    expect(perSecond).toBeGreaterThan(CALLS_PER_SECOND / 2);
  },
  RESTARTS_MS,
);

test('when a node is killed, no calls fail but those that are out to it', async () => {
  const [victim] = servers as [FleetMember, ...FleetMember[]];
  await outcomes();
  const killedMs = machineMs();
  await victim.kill();
  await allListed(SERVERS - 1);
  await Promise.all(clients.map((client) => client.ask('stopLoad')));
  const calls = await outcomes();
  const failed = calls.flat().filter(hasFailed);
  const wereOut = failed.filter(({ sentMs }) => sentMs < killedMs).length;
  const noticedMs = Math.max(...failed.map(({ endedMs }) => endedMs));
  say(
    `kill -9: ${failed.length} of ${calls.flat().length} calls failed: ${wereOut} were out then,`,
  );
  say(
    `the rest was sent to it until it was given up ${(noticedMs - killedMs).toFixed(0)} ms later`,
  );
  for (const { node, failure } of failed) {
    expect(node).toBe(victim.name);
    expect(failure).toMatch(/^ERR_NO_CONNECTION/);
  }
  for (const ofOne of calls.map((all) => all.filter(hasFailed))) {
    // None is sent to it any more once the first one has failed.
    const firstMs = Math.min(...ofOne.map(({ endedMs }) => endedMs));
    expect(ofOne.filter(({ sentMs }) => sentMs > firstMs)).toEqual([]);
  }
});

/** With its own directory: a node that comes back is the same one. */
async function startServer(at: number): Promise<FleetMember> {
  const contacts = clients.map(({ address }) => address);
  const dataDir = directories[at];
  const server = await fleet.start({ name: `server-${at}@test`, contacts, dataDir });
  await server.ask('registerAll', [SERVICE]);
  return server;
}

/** Both clients list so many instances. */
async function allListed(count: number): Promise<void> {
  let isListed = false;
  void Promise.all(clients.map((client) => client.ask('whenListed', count, []))).then(() => {
    isListed = true;
  });
  await until(() => isListed, VISIBLE_MS);
}

/** Of each client, since they were asked last. */
function outcomes(): Promise<readonly (readonly Outcome[])[]> {
  return Promise.all(clients.map((client) => client.ask<readonly Outcome[]>('outcomes')));
}

function hasFailed({ failure }: Outcome): boolean {
  return failure !== '';
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
