/** Streams on whole nodes of a simulation. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/index.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';
import { errorOf, readAll } from './linked-streams.ts';

let sim: Simulation;
let a: BarrelNode;
let b: BarrelNode;

beforeEach(async () => {
  sim = createSimulation({ seed: 11 });
  a = await sim.start({ name: 'a@sim' });
  b = await sim.start({ name: 'b@sim', contacts: ['a@sim'] });
  await sim.until(() => a.members().length === 2 && b.members().length === 2, 20_000);
});

afterEach(() => sim[Symbol.asyncDispose]());

test('a stream carries bytes between nodes over loss and reordering', async () => {
  sim.link({ loss: 0.05, reorder: 0.2, latencyMs: [1, 20] });
  b.streams.accept('echo', (stream) => void stream.pipe(stream));
  const stream = await sim.settled(a.streams.open('echo', 'b@sim'));
  const bytes = Buffer.alloc(300_000, 'some words ');
  stream.end(bytes);
  expect((await sim.settled(readAll(stream))).equals(bytes)).toBe(true);
});

test('a stream is lost with the node at its other end', async () => {
  b.streams.accept('idle', () => {});
  const stream = await sim.settled(a.streams.open('idle', 'b@sim'));
  const lost = errorOf(stream);
  sim.crash('b@sim');
  expect(await sim.settled(lost)).toMatchObject({ code: 'ERR_NO_CONNECTION', node: 'b@sim' });
  expect(a.metrics.snapshot()['barrel_streams_open{by="local"}']).toBe(0);
});

test('a node that leaves resets its streams, and opens others when it is back', async () => {
  b.streams.accept('idle', () => {});
  const stream = await sim.settled(a.streams.open('idle', 'b@sim'));
  const reset = errorOf(stream);
  await sim.settled(b.leave());
  expect(await sim.settled(reset)).toMatchObject({ code: 'ERR_STREAM_RESET', resetCode: 0x103 });
  await sim.settled(b.join('a@sim'));
  const again = await sim.settled(a.streams.open('idle', 'b@sim'));
  again.destroy();
});

test('a node that closes lets a stream be read that its user has ended', async () => {
  const got: Promise<Buffer>[] = [];
  b.streams.accept('sink', (stream) => {
    got.push(readAll(stream));
  });
  const stream = await sim.settled(a.streams.open('sink', 'b@sim'));
  stream.end(Buffer.alloc(2_000_000, 1));
  await sim.settled(a.close());
  expect(await got[0]).toHaveLength(2_000_000);
  await expect(a.streams.open('sink', 'b@sim')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
});

test('one seed gives one course of events with streams, too', async () => {
  const course = async (): Promise<string> => {
    await using other = createSimulation({ seed: 12 });
    const c = await other.start({ name: 'c@sim' });
    const d = await other.start({ name: 'd@sim', contacts: ['c@sim'] });
    await other.until(() => c.members().length === 2, 20_000);
    d.streams.accept('echo', (stream) => void stream.pipe(stream));
    const stream = await other.settled(c.streams.open('echo', 'd@sim'));
    stream.end(Buffer.alloc(200_000, 'x'));
    await other.settled(readAll(stream));
    return other.trace;
  };
  expect(await course()).toBe(await course());
});
