/** A host on the real disk with a clock by hand and randomness from a counter. */
import { createHash } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../../src/host/host.ts';
import { systemFiles } from '../../../src/host/system-files.ts';
import type { Claim } from '../../../src/identity/pin.ts';

export const START_MS = 1_800_000_000_000;

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: object | undefined;
}

export type TestHost = Pick<Host, 'clock' | 'files' | 'logger' | 'random'> & {
  readonly lines: LogLine[];
  advance(ms: number): void;
  setWall(ms: number): void;
};

export function testHost(seed = 'seed'): TestHost {
  let monotonicMs = 0;
  let wallMs = START_MS;
  const lines: LogLine[] = [];
  const log =
    (level: string) =>
    (message: string, fields?: object): void =>
      void lines.push({ level, message, fields });
  return {
    clock: { monotonicMs: () => monotonicMs, wallMs: () => wallMs },
    random: seededRandom(seed),
    files: systemFiles,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    lines,
    advance: (ms) => {
      monotonicMs += ms;
      wallMs += ms;
    },
    setWall: (ms) => {
      wallMs = ms;
    },
  };
}

export function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'barrel-identity-'));
}

/** 32 bytes that stand for the key of that name. */
export function keyOf(name: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(name).digest());
}

export function claim(key: string, changes: Partial<Claim> = {}): Claim {
  const none = { endorsements: [], cluster: 'default' };
  const plain = { ephemeral: false, incarnation: 1n, secretProven: false, ...none };
  return { publicKey: keyOf(key), ...plain, ...changes };
}

function seededRandom(seed: string): Host['random'] {
  let drawn = 0;
  const next = (): Buffer => createHash('sha256').update(`${seed} ${drawn++}`).digest();
  return {
    float: () => next().readUInt32BE(0) / 2 ** 32,
    bytes: (count) => {
      const blocks = Array.from({ length: Math.ceil(count / 32) }, next);
      return new Uint8Array(Buffer.concat(blocks).subarray(0, count));
    },
  };
}
