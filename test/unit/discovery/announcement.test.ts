import { expect, test } from 'vitest';
import { Announcement } from '../../../src/discovery/announcement.ts';
import { DiscoveryChain } from '../../../src/discovery/chain.ts';
import type { Discovery } from '../../../src/discovery/discovery.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

test('a node that leaves is withdrawn, and told again at its last addresses when it is back', async () => {
  const { announcement, log } = board();
  await announcement.tell(['10.0.0.1:1']);
  await announcement.withdraw();
  expect(log.splice(0)).toEqual(['+10.0.0.1:1', '-10.0.0.1:1']);
  await announcement.tell(['10.0.0.2:1']);
  expect(log).toEqual([]);
  await announcement.restore();
  expect(log).toEqual(['+10.0.0.2:1']);
});

test('an aborted telling rejects with the reason, and the next one is told', async () => {
  const { announcement, log } = board();
  const abort = new AbortController();
  abort.abort(new Error('enough'));
  await expect(announcement.tell(['10.0.0.1:1'], abort.signal)).rejects.toThrow('enough');
  await announcement.tell(['10.0.0.2:1']);
  expect(log).toEqual(['+10.0.0.2:1']);
});

test('addresses that changed take the place of the old ones, and all are withdrawn at the end', async () => {
  const { announcement, log } = board();
  await announcement.tell(['10.0.0.1:1']);
  // What is overtaken while it waits is not told.
  await Promise.all([announcement.tell(['10.0.0.2:1']), announcement.tell(['10.0.0.3:1'])]);
  await announcement[Symbol.asyncDispose]();
  await announcement.tell(['10.0.0.4:1']);
  expect(log).toEqual(['+10.0.0.1:1', '-10.0.0.1:1', '+10.0.0.3:1', '-10.0.0.3:1']);
});

/** What stands on a board, as it comes and goes. */
function board(): { readonly announcement: Announcement; readonly log: string[] } {
  const log: string[] = [];
  const discovery: Discovery = {
    name: 'board',
    resolve: async () => [],
    announce: async (_node, addresses) => {
      log.push(`+${addresses.join()}`);
      return { [Symbol.asyncDispose]: async () => void log.push(`-${addresses.join()}`) };
    },
  };
  const chain = new DiscoveryChain([discovery], {
    logger: silentLogger,
    timers: new VirtualTime(),
    cluster: 'default',
  });
  return { announcement: new Announcement(chain, 'a@test'), log };
}
