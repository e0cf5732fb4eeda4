/** Maps that are kept on disk: processes are killed and files damaged, and nothing is lost. */
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { Fleet, type FleetMember, until } from './fixtures/fleet.ts';

const KILLS = Number(process.env['BARREL_KILLS'] ?? 10);
const SEED = Number(process.env['BARREL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const COUNT = 1_000;
const LIMIT_MS = 30_000;
/** So many of these are more than LevelDB keeps in its log: some are in a table. */
const LONG = 'x'.repeat(10_000);
const LONG_COUNT = 500;
/** Of the puts that are killed. */
const VALUE = 'x'.repeat(1_000);

type Entries = readonly (readonly [key: string, value: string])[];

let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
});

afterEach(() => fleet.close());

test('after both processes were killed, both have all that was acknowledged', async () => {
  const [here, there] = [fleet.directory(), fleet.directory()];
  const [a, b] = await pair(here, there);
  const entries = numbered('first');
  await a.ask('putAll', 'stock', entries);
  await Promise.all([a.kill(), b.kill()]);
  for (const member of await pair(here, there)) await holds(member, entries);
});

test('a removal stays, however little of it had reached the others', async () => {
  const [here, there] = [fleet.directory(), fleet.directory()];
  const [a, b] = await pair(here, there);
  await a.ask('putAll', 'stock', numbered('first'));
  await until(async () => (await b.ask('size', 'stock')) === COUNT, LIMIT_MS);
  await b.ask('remove', 'stock', 'key-7');
  await Promise.all([a.kill(), b.kill()]);
  const expected = numbered('first').filter(([key]) => key !== 'key-7');
  for (const member of await pair(here, there)) await holds(member, expected);
});

test(
  `no put that was acknowledged is lost when its process is killed, ${KILLS} times`,
  async () => {
    process.stdout.write(`kills: BARREL_SEED=${SEED}\n`);
    const random = new SeededRandom(SEED);
    const dataDir = fleet.directory();
    /** Of each key the round of its last put that was acknowledged. */
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < KILLS; round += 1) {
      const member = await start('a@test', dataDir);
      await expectRounds(member, acknowledged, `kill ${round} of seed ${SEED}`);
      const killAt = 1 + Math.floor(random.float() * COUNT);
      for (const key of await killedAt(member, killAt, round)) acknowledged.set(key, round);
    }
    await expectRounds(await start('a@test', dataDir), acknowledged, `the end of seed ${SEED}`);
  },
  60_000 + KILLS * 3_000,
);

test('a second process on the same directory is refused, and the first one goes on', async () => {
  const dataDir = fleet.directory();
  const first = await start('a@test', dataDir);
  await expect(start('a@test', dataDir)).rejects.toMatchObject({
    code: 'ERR_STORE',
    message: expect.stringContaining('in use'),
  });
  await first.ask('put', 'stock', 'key', 'value');
  await first.kill();
  await holds(await start('a@test', dataDir), [['key', 'value']]);
});

test('a file in place of the store is ERR_STORE', async () => {
  const dataDir = fleet.directory();
  writeFileSync(join(dataDir, 'store'), 'not a directory');
  await expect(start('a@test', dataDir)).rejects.toMatchObject({ code: 'ERR_STORE' });
});

describe('damage is told, survived, and made good by another node', () => {
  const DAMAGES: readonly (readonly [what: string, damage: (dataDir: string) => void])[] = [
    ['one byte of a value in a table', (dataDir) => flip(dataDir, '.ldb')],
    ['one byte of a value in the log', (dataDir) => flip(dataDir, '.log')],
    ['a table that is too short', (dataDir) => truncate(dataDir)],
  ];

  test.each(DAMAGES)('%s', async (_, damage) => {
    const [here, there] = [fleet.directory(), fleet.directory()];
    const [a, b] = await pair(here, there);
    const entries = numbered(LONG, LONG_COUNT);
    await fill(a, here, entries);
    await holds(b, entries);
    await a.kill();
    damage(here);

    const again = await start('a@test', here, [b.address]);
    expect(again.status).toMatchObject({
      state: 'degraded',
      reasons: expect.arrayContaining([expect.stringMatching(/^map:stock: .*damaged/)]),
    });
    await holds(again, entries);
    await isReady(again);
    await Promise.all([again.kill(), b.kill()]);
    // Nothing of it is left on the disk.
    const alone = await start('a@test', here);
    expect(alone.status.state).not.toBe('degraded');
    await holds(alone, entries);
  });

  test('without another node all else is there, and the state says so', async () => {
    const here = fleet.directory();
    const a = await start('a@test', here);
    const entries = numbered(LONG, LONG_COUNT);
    await fill(a, here, entries);
    await a.kill();
    const lost = flip(here, '.ldb');

    const again = await start('a@test', here);
    const expected = entries.filter(([key]) => key !== lost);
    await holds(again, expected);
    expect(await again.ask('status')).toMatchObject({ state: 'degraded' });
    expect(await again.ask('metrics')).toMatchObject({ barrel_store_damaged_total: 1 });
    await again.ask('put', 'stock', lost, 'written anew');
    await isReady(again);
  });
});

function numbered(value: string, count: number = COUNT): Entries {
  return Array.from({ length: count }, (_, at) => [`key-${at}`, `<${at}>${value}`] as const);
}

function start(
  name: string,
  dataDir: string,
  contacts: readonly string[] = [],
): Promise<FleetMember> {
  return fleet.start({ name, dataDir, contacts, maps: { stock: { persist: true } } });
}

async function pair(here: string, there: string): Promise<readonly [FleetMember, FleetMember]> {
  const a = await start('a@test', here);
  const b = await start('b@test', there, [a.address]);
  await Promise.all([isReady(a), isReady(b)]);
  return [a, b];
}

async function isReady(member: FleetMember): Promise<void> {
  const state = async (): Promise<string> =>
    (await member.ask<{ readonly state: string }>('status')).state;
  await until(async () => (await state()) === 'ready', LIMIT_MS);
}

/** Resolves when it has exactly these. */
async function holds(member: FleetMember, entries: Entries): Promise<void> {
  await until(async () => (await member.ask('size', 'stock')) === entries.length, LIMIT_MS);
  const present = new Map(await member.ask<Entries>('entries', 'stock'));
  expect(present).toEqual(new Map(entries));
}

/** In parts, so that LevelDB begins a table; resolves when that is whole and counts. */
async function fill(member: FleetMember, dataDir: string, entries: Entries): Promise<void> {
  for (let at = 0; at < entries.length; at += 50) {
    await member.ask('putAll', 'stock', entries.slice(at, at + 50));
  }
  const count = (ending: string): number => filesOf(dataDir, ending).length;
  await until(() => count('.ldb') > 0 && count('.log') === 1, LIMIT_MS);
}

/** Kills it when so many puts of the round are acknowledged; returns the keys of all that were. */
async function killedAt(
  member: FleetMember,
  count: number,
  round: number,
): Promise<readonly string[]> {
  const { child } = member;
  const keys: string[] = [];
  child.on('message', (message: { readonly acknowledged?: string }) => {
    if (message.acknowledged === undefined) return;
    keys.push(message.acknowledged);
    if (keys.length === count) child.kill('SIGKILL');
  });
  const heard = once(child, 'disconnect');
  const entries = Array.from({ length: COUNT }, (_, at) => [`key-${at}`, `${round} of ${VALUE}`]);
  member.tell('putEach', 'stock', entries);
  await Promise.all([heard, member.exited]);
  return keys;
}

/** Each key has what was acknowledged last, or a later put of which nobody had heard. */
async function expectRounds(
  member: FleetMember,
  acknowledged: ReadonlyMap<string, number>,
  context: string,
): Promise<void> {
  const present = new Map(await member.ask<Entries>('entries', 'stock'));
  const lost = [...acknowledged].filter(([key, round]) => !(roundOf(present.get(key)) >= round));
  expect(lost, context).toEqual([]);
}

function roundOf(value: string | undefined): number {
  return value === undefined ? -1 : Number.parseInt(value, 10);
}

/** Damages a value in the newest file of that kind; returns its key. */
function flip(dataDir: string, ending: '.ldb' | '.log'): string {
  for (const file of filesOf(dataDir, ending)) {
    const bytes = readFileSync(file);
    const [, number] = /<(\d+)>x{100}/.exec(bytes.toString('latin1')) ?? [];
    if (number === undefined) continue;
    const at = bytes.indexOf(`<${number}>x`) + 50;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(file, bytes);
    return `key-${number}`;
  }
  throw new Error(`no value in a ${ending} of ${dataDir}`);
}

/** Cuts the newest table in half. */
function truncate(dataDir: string): void {
  const [file] = filesOf(dataDir, '.ldb');
  if (file === undefined) throw new Error(`no table in ${dataDir}`);
  truncateSync(file, Math.floor(statSync(file).size / 2));
}

/** The newest first. */
function filesOf(dataDir: string, ending: string): readonly string[] {
  const folder = join(dataDir, 'store');
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return names
    .sort()
    .reverse()
    .map((name) => join(folder, name));
}
