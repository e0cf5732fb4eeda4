import { describe, expect, test } from 'vitest';
import { SavedPeers } from '../../../src/cluster/saved-peers.ts';
import type { PeerDescriptor } from '../../../src/core/membership/peer.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

const DAY_MS = 86_400_000;

describe('the peers that a node knew', () => {
  test('are on its disk a few seconds after its start and known to the next one', async () => {
    const { files, time, host } = await machine();
    const saver = new SavedPeers({ host, dataDir: '/data', peers: () => [peer('a'), peer('b')] });
    await time.advance(6_000);
    await time.advance(60_000);
    const found = await SavedPeers.load({ host, dataDir: '/data' });
    expect(
      found.map(({ node, incarnation, addresses }) => ({ node, incarnation, addresses })),
    ).toEqual([peer('a'), peer('b')].map(({ ageMs, ...rest }) => rest));
    expect(found[0]?.ageMs).toBe(61_000);
    expect(await files.list('/data')).toEqual(['peers']);
    await saver.close();
  });

  test('are tried however long the node was away, behind all younger ones', async () => {
    const { time, host } = await machine();
    const saver = new SavedPeers({ host, dataDir: '/data', peers: () => [peer('a')] });
    await saver.close();
    await time.advance(DAY_MS);
    const found = await SavedPeers.load({ host, dataDir: '/data' });
    expect(found.map(({ ageMs }) => ageMs)).toEqual([3_599_999]);
  });

  test('stay on the disk when the node has lost everybody', async () => {
    const { time, host } = await machine();
    let known = [peer('a')];
    const saver = new SavedPeers({ host, dataDir: '/data', peers: () => known });
    await time.advance(6_000);
    known = [];
    await time.advance(120_000);
    await saver.close();
    expect(await SavedPeers.load({ host, dataDir: '/data' })).toHaveLength(1);
  });

  test('are written only when they are others than before', async () => {
    const { files, time, host } = await machine();
    const saver = new SavedPeers({ host, dataDir: '/data', peers: () => [peer('a')] });
    await time.advance(6_000);
    await files.remove('/data/peers');
    await time.advance(600_000);
    await saver.close();
    expect(await files.list('/data')).toEqual([]);
  });

  test('count as none when the file is damaged, is of another format, or is not there', async () => {
    const { files, host } = await machine();
    expect(await SavedPeers.load({ host, dataDir: '/data' })).toEqual([]);
    for (const bytes of [[], [2, 1, 0], [1, 1, 255], [1, 0, 0x91, 3]]) {
      await files.write('/data/peers', Uint8Array.from(bytes));
      expect(await SavedPeers.load({ host, dataDir: '/data' })).toEqual([]);
    }
  });

  test('are kept nowhere without a data directory', async () => {
    const { files, time, host } = await machine();
    const saver = new SavedPeers({ host, dataDir: undefined, peers: () => [peer('a')] });
    await time.advance(120_000);
    await saver.close();
    expect(await files.list('/data')).toEqual([]);
    expect(await SavedPeers.load({ host, dataDir: undefined })).toEqual([]);
  });
});

async function machine() {
  const time = new VirtualTime();
  const files = new MemoryFiles();
  await files.makeDirectory('/data');
  return { time, files, host: { clock: time, timers: time, files, logger: silentLogger } };
}

function peer(name: string): PeerDescriptor {
  return { node: `${name}@test`, incarnation: 7n, addresses: ['10.0.0.1:4433'], ageMs: 0 };
}
