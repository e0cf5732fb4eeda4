import { expect, test } from 'vitest';
import { Announcement } from '../../../src/discovery/announcement.ts';
import { DiscoveryChain } from '../../../src/discovery/chain.ts';
import type { Discovery } from '../../../src/discovery/discovery.ts';
import { silentLogger } from '../../../src/host/logger.ts';

test('addresses that changed take the place of the old ones, and all are withdrawn at the end', async () => {
  const log: string[] = [];
  const board: Discovery = {
    name: 'board',
    resolve: async () => [],
    announce: async (_node, addresses) => {
      log.push(`+${addresses.join()}`);
      return { [Symbol.asyncDispose]: async () => void log.push(`-${addresses.join()}`) };
    },
  };
  const announcement = new Announcement(
    new DiscoveryChain([board], { logger: silentLogger, cluster: 'default' }),
    'a@test',
  );
  await announcement.tell(['10.0.0.1:1']);
  // What is overtaken while it waits is not told.
  await Promise.all([announcement.tell(['10.0.0.2:1']), announcement.tell(['10.0.0.3:1'])]);
  await announcement[Symbol.asyncDispose]();
  await announcement.tell(['10.0.0.4:1']);
  expect(log).toEqual(['+10.0.0.1:1', '-10.0.0.1:1', '+10.0.0.3:1', '-10.0.0.3:1']);
});
