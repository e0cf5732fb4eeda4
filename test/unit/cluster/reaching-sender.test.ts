import { describe, expect, test } from 'vitest';
import type { Dialler } from '../../../src/cluster/dialler.ts';
import type { Link } from '../../../src/cluster/link.ts';
import { ReachingSender } from '../../../src/cluster/reaching-sender.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { DIALS_MAX, FRAMES_BEFORE_LINK_MAX } from '../../../src/limits.ts';
import { type Settlement, settlement } from '../../../src/settlement.ts';

const A = 'a@test';

/** Links and dials that a test plays. */
class Played {
  readonly sent: string[] = [];
  readonly dials: Map<string, Settlement<Link>> = new Map();
  readonly #up = new Set<string>();
  readonly sender: ReachingSender = new ReachingSender({
    host: { logger: silentLogger },
    control: { send: (node, frame) => this.sent.push(`${node} ${frame[0]}`) > 0 },
    links: { get: (node) => (this.#up.has(node) ? linkTo(node) : undefined) },
    dialler: { toNode: ((node) => this.#dial(node)) satisfies Dialler['toNode'] },
    relaying: 'later',
  });

  send(node: string, ...bytes: readonly number[]): void {
    for (const byte of bytes) this.sender.send(node, Uint8Array.of(byte));
  }

  up(node: string): void {
    this.#up.add(node);
    this.sender.linkUp(linkTo(node));
  }

  async reached(node: string): Promise<void> {
    this.#up.add(node);
    this.dials.get(node)?.resolve(linkTo(node));
    await turns();
  }

  async failed(node: string): Promise<void> {
    this.dials.get(node)?.reject(new Error('nobody is there'));
    await turns();
  }

  #dial(node: string): Promise<Link> {
    const dial = settlement<Link>();
    this.dials.set(node, dial);
    return dial.promise;
  }
}

function linkTo(node: string): Link {
  return { node } as Link;
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await Promise.resolve();
}

describe('frames for a node without a link', () => {
  test('wait for one dial, and keep their order', async () => {
    const played = new Played();
    played.send(A, 1, 2);
    expect([...played.dials.keys()]).toEqual([A]);
    await played.reached(A);
    played.send(A, 3);
    expect(played.sent).toEqual([`${A} 1`, `${A} 2`, `${A} 3`]);
  });

  test('go as soon as the other side has made a link, though the own dial goes on', async () => {
    const played = new Played();
    played.send(A, 1);
    played.up(A);
    expect(played.sent).toEqual([`${A} 1`]);
    played.send(A, 2);
    await played.failed(A);
    expect(played.sent).toEqual([`${A} 1`, `${A} 2`]);
  });

  test('are lost when it is gone, and do not reach a later start of it', async () => {
    const played = new Played();
    played.send(A, 1, 2);
    let isSent = false;
    void played.sender.sent().then(() => {
      isSent = true;
    });
    played.sender.drop(A);
    await turns();
    expect(isSent).toBe(true);
    played.send(A, 3);
    played.up(A);
    expect(played.sent).toEqual([`${A} 3`]);
  });

  test('are lost when it cannot be reached, and the next one dials again', async () => {
    const played = new Played();
    played.send(A, 1);
    await played.failed(A);
    played.dials.clear();
    played.send(A, 2);
    await played.reached(A);
    expect(played.sent).toEqual([`${A} 2`]);
  });

  test('are lost above the bound', async () => {
    const played = new Played();
    for (let i = 0; i < FRAMES_BEFORE_LINK_MAX + 5; i += 1) played.send(A, i);
    await played.reached(A);
    expect(played.sent).toHaveLength(FRAMES_BEFORE_LINK_MAX);
  });

  test('are dialled for so many at a time, and the others wait for their turn', async () => {
    const played = new Played();
    for (let i = 0; i < DIALS_MAX + 2; i += 1) played.send(`n${i}@test`, i);
    expect(played.dials.size).toBe(DIALS_MAX);
    await played.failed('n0@test');
    expect(played.dials.size).toBe(DIALS_MAX + 1);
    await played.reached('n1@test');
    expect(played.dials.size).toBe(DIALS_MAX + 2);
    await played.reached(`n${DIALS_MAX + 1}@test`);
    expect(played.sent).toEqual(['n1@test 1', `n${DIALS_MAX + 1}@test ${DIALS_MAX + 1}`]);
  });
});

describe('sent', () => {
  test('resolves when nothing waits for a link any more', async () => {
    const played = new Played();
    await played.sender.sent();
    played.send(A, 1);
    played.send('b@test', 1);
    let isSent = false;
    void played.sender.sent().then(() => {
      isSent = true;
    });
    await played.reached(A);
    expect(isSent).toBe(false);
    await played.failed('b@test');
    expect(isSent).toBe(true);
  });
});
