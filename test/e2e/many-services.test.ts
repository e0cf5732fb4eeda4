/**
 * A thousand services on sixteen processes. Each figure is printed with its goal. The goal is
 * asserted where every process gets the processor when it needs it, else a limit with much room: a
 * node that stands still takes longer, on purpose, to say that others are dead.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fleet, type FleetMember, until } from './fixtures/fleet.ts';
import { machineMs } from './fixtures/machine-time.ts';

const NODES = 16;
const KILLED = 4;
const SERVICES = 1_000;
/** Services with a second instance on another node: of each killed one, on one that lives. */
const DOUBLE = 64;
const INSTANCES = SERVICES + DOUBLE;
const FOLLOWED_EACH = 4;

const VISIBLE_MS = 40_000;
const JOINER_GOAL_MS = 2_000;
const WITHDRAWN_GOAL_MS = 6_000;
/** How much longer it may take on a loaded machine. */
const LOADED = 6;
/** Half of a heartbeat: who stands still for longer is on a loaded machine. */
const STALL_MS = 250;

interface Followed {
  readonly name: string;
  readonly answeredBy: string | undefined;
  readonly sinceMs: number;
  readonly failed: number;
}

const fleet = new Fleet();
let members: readonly FleetMember[];

beforeAll(async () => {
  members = await fleet.form(NODES);
  await until(async () => {
    const views = await Promise.all(members.map((member) => member.view()));
    return views.every((view) => view.members.length === NODES);
  }, VISIBLE_MS);
  await Promise.all(members.map((member) => member.ask('watchStalls')));
});

afterAll(() => fleet.close());

test('1,000 services on 16 processes are visible everywhere', async () => {
  const beginMs = machineMs();
  await Promise.all(members.map((member, at) => member.ask('registerAll', namesOn(at))));
  const tookMs = (await lastListed(members, INSTANCES, [])) - beginMs;
  say(`${INSTANCES} instances of ${SERVICES} services are registered and seen by all`, tookMs);
});

test('a late joiner sees all of them when it is ready, or soon after', async () => {
  const contacts = members.slice(0, 2).map(({ address }) => address);
  const joiner = await fleet.start({ name: 'late@test', contacts });
  const ms = await joiner.ask<number>('listedAfterReady', INSTANCES);
  say(`a late joiner lists all from when it is ready (goal ${JOINER_GOAL_MS})`, ms);
  expect(ms).toBeLessThan(await limit(members, JOINER_GOAL_MS));
});

test('kill -9 of four nodes withdraws their services and moves their callers', async () => {
  const killed = members.slice(-KILLED);
  const living = members.slice(0, -KILLED);
  const gone = killed.map(({ name }) => name);
  const moving = doubledOn(killed);
  await Promise.all(
    living.map((member, at) => {
      const first = (at * FOLLOWED_EACH) % moving.length;
      return member.ask('follow', moving.slice(first, first + FOLLOWED_EACH), gone);
    }),
  );
  await until(async () => (await followed(living)).every(isOn(gone)), VISIBLE_MS);

  const killedMs = machineMs();
  await Promise.all(killed.map((member) => member.kill()));
  const left = INSTANCES - instancesOn(killed);
  const withdrawnMs = (await lastListed(living, left, gone)) - killedMs;
  say(`kill -9 of ${KILLED}: withdrawn everywhere (goal ${WITHDRAWN_GOAL_MS})`, withdrawnMs);
  expect(withdrawnMs).toBeLessThan(await limit(living, WITHDRAWN_GOAL_MS));

  await until(async () => !(await followed(living)).some(isOn(gone)), VISIBLE_MS);
  const callers = await followed(living);
  const movedMs = Math.max(...callers.map(({ sinceMs }) => sinceMs)) - killedMs;
  const failed = callers.reduce((sum, one) => sum + one.failed, 0);
  say(`${callers.length} callers are answered elsewhere, ${failed} calls failed`, movedMs);
});

/** The goal, or more where one of them stood still. */
async function limit(by: readonly FleetMember[], goalMs: number): Promise<number> {
  const stalls = await Promise.all(by.map((member) => member.ask<number>('longestStallMs')));
  say('the longest that a process stood still', Math.max(...stalls));
  return Math.max(...stalls) < STALL_MS ? goalMs : goalMs * LOADED;
}

/** Each name on one node; the first ones on another node, half way round, too. */
function namesOn(at: number): string[] {
  const names = Array.from({ length: SERVICES }, (_, index) => index);
  return names
    .filter((index) => index % NODES === at || (index < DOUBLE && secondOf(index) === at))
    .map((index) => `service-${index}`);
}

function secondOf(index: number): number {
  return (index + NODES / 2) % NODES;
}

function instancesOn(some: readonly FleetMember[]): number {
  return some.reduce((sum, member) => sum + namesOn(members.indexOf(member)).length, 0);
}

/** Names with two instances, one of them on one of these. */
function doubledOn(some: readonly FleetMember[]): string[] {
  const all = Array.from({ length: DOUBLE }, (_, index) => `service-${index}`);
  return all.filter((name) => some.some((one) => namesOn(members.indexOf(one)).includes(name)));
}

/** When the last of them listed so many instances, none of them on the nodes that are gone. */
async function lastListed(
  by: readonly FleetMember[],
  count: number,
  gone: readonly string[],
): Promise<number> {
  let times: readonly number[] | undefined;
  void Promise.all(by.map((member) => member.ask<number>('whenListed', count, gone))).then(
    (all) => {
      times = all;
    },
  );
  await until(() => times !== undefined, VISIBLE_MS);
  return Math.max(...(times ?? []));
}

async function followed(by: readonly FleetMember[]): Promise<readonly Followed[]> {
  return (await Promise.all(by.map((member) => member.ask<Followed[]>('followed')))).flat();
}

function isOn(nodes: readonly string[]): (one: Followed) => boolean {
  return ({ answeredBy }) => answeredBy !== undefined && nodes.includes(answeredBy);
}

function say(what: string, ms: number): void {
  process.stdout.write(`${what}: ${ms.toFixed(0)} ms\n`);
}
