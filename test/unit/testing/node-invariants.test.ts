import { describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import { faultsAtRest } from '../../../src/testing/convergence.ts';
import { NodeInvariants } from '../../../src/testing/node-invariants.ts';
import { createSimulation } from '../../../src/testing/simulation.ts';

const SIZES = { activeSize: 2, passiveSize: 2 };

describe('the rules of one node', () => {
  test('hold for a node that keeps them', async () => {
    expect((await judged([], [])).check()).toBeUndefined();
    expect((await judged([], ['b@sim', 'c@sim'])).check()).toBeUndefined();
  });

  test('name the rule that is broken', async () => {
    expect(await broken([], ['a@sim'])).toBe('a node is in no view of its own');
    expect(await broken(['b@sim'], ['b@sim'])).toBe('the views are disjoint');
    expect(await broken(['b@sim'], [])).toBe('events match the active view');
    expect(await broken([], ['b@sim', 'c@sim', 'd@sim'])).toBe(
      'the passive view is within its size',
    );
    expect(await broken(['b@sim', 'c@sim', 'd@sim'], [])).toBe(
      'the active view is within its size',
    );
  });

  test('the first broken one stays', async () => {
    const views = { active: ['b@sim'], passive: ['b@sim'] };
    const rules = await judged(views.active, views.passive);
    const first = rules.check();
    views.active.length = 0;
    expect(rules.check()).toBe(first);
  });
});

describe('a cluster at rest', () => {
  test('says who is not known, who is believed in, and which links are one-sided', async () => {
    const faults = faultsAtRest([
      seen('a@sim', { members: ['a@sim', 'b@sim', 'z@sim'], active: ['b@sim'] }),
      seen('b@sim', { members: ['b@sim'], active: [] }),
    ]);
    expect(faults).toEqual([
      'a@sim still believes in z@sim',
      'b@sim does not know a@sim',
      'the link a@sim -> b@sim is one-sided',
    ]);
  });

  test('says which nodes no path of links reaches', () => {
    const members = ['a@sim', 'b@sim', 'c@sim', 'd@sim'];
    const faults = faultsAtRest([
      seen('a@sim', { members, active: ['b@sim'] }),
      seen('b@sim', { members, active: ['a@sim'] }),
      seen('c@sim', { members, active: ['d@sim'] }),
      seen('d@sim', { members, active: ['c@sim'] }),
    ]);
    expect(faults).toEqual(['no path of links from a@sim to c@sim, d@sim']);
  });
});

/** The rules of a node that runs alone and whose views say what the test says. */
async function judged(active: string[], passive: string[]): Promise<NodeInvariants> {
  const sim = createSimulation({ seed: 1 });
  const node = await sim.start({ name: 'a@sim' });
  const views = { activeView: () => [...active], passiveView: () => [...passive] };
  return new NodeInvariants({ node, views, sizes: SIZES });
}

async function broken(active: string[], passive: string[]): Promise<string | undefined> {
  return (await judged(active, passive)).check()?.rule;
}

interface Seen {
  readonly members: string[];
  readonly active: string[];
}

/** As much of a node as the rules at rest look at. */
function seen(name: string, { members, active }: Seen): BarrelNode {
  const part: Pick<BarrelNode, 'name' | 'status' | 'members' | 'activeView'> = {
    name,
    status: () => ({ state: 'ready', reasons: [] }),
    members: () => members,
    activeView: () => active,
  };
  return part as BarrelNode;
}
