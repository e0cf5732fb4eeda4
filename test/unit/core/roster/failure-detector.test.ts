import { describe, expect, test } from 'vitest';
import { DrivenDetector } from './driven-detector.ts';
import { entry } from './driven-roster.ts';

describe('an idle neighbour', () => {
  test('is pinged by the smaller name after half a second, and no other', () => {
    const node = new DrivenDetector();
    node.neighbor('z');
    node.neighbor('y');
    node.run(440);
    node.receive('y', { kind: 'pong' });
    node.run(80);
    expect(node.take()).toEqual([
      { kind: 'send', to: 'z@t', message: { kind: 'ping', isNeighbor: true } },
    ]);
  });

  test('with the smaller name is waited for, and pinged when it says nothing', () => {
    const node = new DrivenDetector();
    node.neighbor('a');
    node.run(740);
    expect(node.sent()).toEqual([]);
    node.run(70);
    expect(node.sent()).toEqual(['ping a']);
  });

  test('costs two messages each half second, and none while others travel', () => {
    const node = new DrivenDetector();
    node.neighbor('z');
    node.keepAlive('z', 10_000);
    expect(node.sent()).toEqual([]);
    for (let i = 0; i < 20; i += 1) {
      node.run(500);
      node.receive('z', { kind: 'pong' });
    }
    expect(node.sent()).toHaveLength(20);
  });

  test('answers', () => {
    const node = new DrivenDetector();
    node.receive('q', { kind: 'ping', isNeighbor: false });
    expect(node.sent()).toEqual(['pong q']);
  });

  test('is not watched any more when it left the view', () => {
    const node = new DrivenDetector();
    node.neighbor('z');
    node.do({ kind: 'neighborDown', node: 'z@t', isLost: false });
    node.run(60_000);
    expect(node.sent()).toEqual([]);
  });
});

describe('a silent neighbour', () => {
  test('is pinged again, and three of its others are asked about it', () => {
    const node = silent();
    const sent = node.sent();
    expect(sent[0]).toBe('ping z');
    expect(sent).toHaveLength(4);
    expect(new Set(sent.slice(1)).size).toBe(3);
    for (const one of sent.slice(1)) expect(one).toMatch(/^pingRequest [p-s]$/);
  });

  test('is suspect when nobody heard it, once, about 0.6 s after the ping', () => {
    const node = silent();
    node.sent();
    node.run(280);
    expect(node.sent()).toEqual([]);
    node.run(20);
    expect(node.take()).toEqual([{ kind: 'suspect', node: 'z@t', incarnation: 1n }]);
    node.roster.set('z@t', entry('z', 'suspect'));
    node.run(10_000);
    expect(node.sent()).toEqual([]);
  });

  test('is not when it answers late', () => {
    const node = silent();
    node.sent();
    node.run(200);
    node.receive('z', { kind: 'pong' });
    node.run(200);
    expect(node.sent()).toEqual([]);
  });

  test('is not when one that was asked heard it: this node may be the slow one', () => {
    const node = silent();
    const asked = node.take().flatMap((effect) => {
      return effect.kind === 'send' && effect.message.kind === 'pingRequest'
        ? [{ to: effect.to.slice(0, -2), nonce: effect.message.nonce }]
        : [];
    });
    const [first] = asked;
    node.receive('stranger', { kind: 'pingAnswer', nonce: first?.nonce ?? 0, isAlive: true });
    node.receive(first?.to ?? '', { kind: 'pingAnswer', nonce: 999, isAlive: true });
    node.receive(first?.to ?? '', { kind: 'pingAnswer', nonce: first?.nonce ?? 0, isAlive: false });
    expect(node.core.health).toBe(0);
    node.receive(first?.to ?? '', { kind: 'pingAnswer', nonce: first?.nonce ?? 0, isAlive: true });
    expect(node.core.health).toBe(1);
    node.run(400);
    expect(node.sent()).toEqual([]);
  });

  test('is suspect at once after the miss where nobody else can be asked', () => {
    const node = new DrivenDetector();
    node.neighbor('z', 'm', 's', 'unknown');
    node.roster.set('s@t', entry('s', 'suspect'));
    node.run(810);
    expect(node.sent()).toEqual(['ping z', 'ping z', 'suspect z']);
  });

  test('is told of when it is heard again', () => {
    const node = silent();
    node.run(400);
    node.sent();
    node.roster.set('z@t', entry('z', 'suspect'));
    node.receive('z', { kind: 'pong' });
    expect(node.sent()).toEqual(['heard z']);
    node.run(400);
    expect(node.sent()).toEqual([]);
  });

  test('is told of, too, when it has refuted before it answers', () => {
    const node = silent();
    node.run(400);
    node.roster.set('z@t', entry('z', 'alive', { refutation: 1 }));
    node.run(700);
    node.sent();
    node.receive('z', { kind: 'pong' });
    expect(node.sent()).toEqual(['heard z']);
  });

  test('is suspect again when it refuted and is still not heard', () => {
    const node = silent();
    node.run(400);
    node.sent();
    node.roster.set('z@t', entry('z', 'alive', { refutation: 1 }));
    node.run(1_700);
    const sent = node.sent();
    expect(sent[0]).toBe('ping z');
    expect(sent.at(-1)).toBe('suspect z');
  });

  test('has three round trips where they are long', () => {
    const node = new DrivenDetector();
    node.rttMs = 200;
    node.neighbor('z');
    node.run(1_000);
    expect(node.sent()).toEqual(['ping z']);
    node.run(120);
    expect(node.sent()).toEqual(['ping z', 'suspect z']);
  });
});

describe('a neighbour whose link was lost', () => {
  test('is asked about at once, and suspect when nobody hears it', () => {
    const node = new DrivenDetector();
    node.member('p');
    node.neighbor('z', 'p');
    node.run(100);
    node.lose('z');
    expect(node.take()).toMatchObject([
      { kind: 'send', to: 'z@t', message: { kind: 'ping', isNeighbor: false } },
      { kind: 'send', to: 'p@t', message: { kind: 'pingRequest', target: 'z@t' } },
    ]);
    node.run(310);
    expect(node.sent()).toEqual(['suspect z']);
    node.run(60_000);
    expect(node.sent()).toEqual([]);
  });

  test('is left alone when it can be dialed, or is somebody’s neighbour still', () => {
    const node = new DrivenDetector();
    node.member('p');
    node.neighbor('z', 'p');
    node.run(100);
    node.lose('z');
    node.sent();
    node.run(100);
    node.heard.set('z@t', node.nowMs);
    node.run(60_000);
    expect(node.sent()).toEqual([]);
  });

  test('is left alone when it left the cluster', () => {
    const node = new DrivenDetector();
    node.neighbor('z', 'p');
    node.roster.set('z@t', entry('z', 'left', { refutation: 1 }));
    node.lose('z');
    node.run(60_000);
    expect(node.sent()).toEqual([]);
  });
});

describe('asked about another node, a node', () => {
  test('answers at once when it just heard it, or is meant itself', () => {
    const node = new DrivenDetector();
    node.neighbor('z');
    node.receive('q', { kind: 'pingRequest', nonce: 5, target: 'z@t' });
    node.receive('q', { kind: 'pingRequest', nonce: 6, target: 'm@t' });
    expect(node.take()).toMatchObject([
      { to: 'q@t', message: { kind: 'pingAnswer', nonce: 5, isAlive: true } },
      { to: 'q@t', message: { kind: 'pingAnswer', nonce: 6, isAlive: true } },
    ]);
  });

  test('pings it, and answers when it hears it', () => {
    const node = new DrivenDetector();
    node.neighbor('z');
    node.run(200);
    node.receive('q', { kind: 'pingRequest', nonce: 5, target: 'z@t' });
    expect(node.sent()).toEqual(['ping z']);
    node.run(50);
    node.receive('z', { kind: 'pong' });
    expect(node.take()).toMatchObject([{ message: { nonce: 5, isAlive: true } }]);
  });

  test('says no before the one that asked gives up', () => {
    const node = new DrivenDetector();
    node.receive('q', { kind: 'pingRequest', nonce: 5, target: 'y@t' });
    expect(node.take()).toMatchObject([{ message: { kind: 'ping', isNeighbor: false } }]);
    node.run(250);
    expect(node.take()).toMatchObject([{ to: 'q@t', message: { nonce: 5, isAlive: false } }]);
  });

  test('does so for 8 questions of one node at a time, and at a bounded rate', () => {
    const node = new DrivenDetector();
    for (let i = 0; i < 100; i += 1) {
      node.receive('q', { kind: 'pingRequest', nonce: i, target: `y${i}@t` });
    }
    expect(node.sent()).toHaveLength(8);
    for (let i = 0; i < 100; i += 1) {
      node.receive('q', { kind: 'pingRequest', nonce: i, target: 'm@t' });
    }
    expect(node.sent()).toHaveLength(0);
    node.receive('r', { kind: 'pingRequest', nonce: 1, target: 'm@t' });
    expect(node.sent()).toEqual(['pingAnswer r']);
  });
});

describe('a slow node', () => {
  test('waits longer when it had to refute, and is well again second by second', () => {
    const node = new DrivenDetector();
    node.neighbor('z');
    node.do({ kind: 'refuted' });
    node.do({ kind: 'refuted' });
    expect(node.core.health).toBe(2);
    node.run(510);
    node.sent();
    node.run(880);
    expect(node.sent()).toEqual([]);
    node.run(100);
    expect(node.sent()).toEqual(['ping z', 'suspect z']);
    node.receive('z', { kind: 'pong' });
    node.keepAlive('z', 900);
    expect(node.core.health).toBe(1);
    node.keepAlive('z', 1_100);
    expect(node.core.health).toBe(0);
  });

  test('is at most 8 slow', () => {
    const node = new DrivenDetector();
    for (let i = 0; i < 20; i += 1) node.do({ kind: 'refuted' });
    expect(node.core.health).toBe(8);
  });

  test('blames nobody for its own stall, however long', () => {
    const node = silent();
    node.sent();
    node.nowMs += 600_000;
    node.run(100);
    expect(node.core.health).toBe(1);
    node.receive('z', { kind: 'pong' });
    node.run(300);
    expect(node.sent()).toEqual([]);
  });

  test('that is late all the time still finds the silent', () => {
    const node = new DrivenDetector();
    node.lateMs = 150;
    node.neighbor('z');
    node.run(10_000);
    expect(node.sent()).toContain('suspect z');
    expect(node.core.health).toBeGreaterThan(2);
  });
});

/** `z` with four other neighbours has missed its answer. */
function silent(): DrivenDetector {
  const node = new DrivenDetector();
  for (const name of ['p', 'q', 'r', 's']) node.member(name);
  node.neighbor('z', 'm', 'p', 'q', 'r', 's');
  node.run(510);
  node.sent();
  node.run(300);
  return node;
}
