/**
 * Increments one key after the other, at whichever node owns it, and keeps the book of what was
 * acknowledged.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { clientOf } from './counters.mjs';

const ANSWER_MS = 1_000;
const RETRY_MS = 10;
const PAUSE_MS = 2;

export class Caller {
  #node;
  #name;
  #keys;
  #number = 0;
  #isOver = false;
  #clients = new Map();
  /** By key. */
  acknowledged = new Map();
  /** Increments whose first try failed. */
  retried = 0;
  /** Of one key, from the first try until the answer: `{ ms, key }`. */
  longest = { ms: 0, key: undefined };

  constructor(node, name, keys) {
    this.#node = node;
    this.#name = name;
    this.#keys = keys;
  }

  /** Until `end`; the last increment is acknowledged, too. */
  async run() {
    // Each begins elsewhere, so that at any time all keys are wanted.
    for (let at = Math.floor(Math.random() * this.#keys.length); !this.#isOver; at += 1) {
      await this.#increment(this.#keys[at % this.#keys.length]);
      await sleep(PAUSE_MS);
    }
  }

  end() {
    this.#isOver = true;
  }

  /** Tries until it is acknowledged; the number stays the same. */
  async #increment(key) {
    this.#number += 1;
    const startedMs = performance.now();
    for (let tries = 0; ; tries += 1) {
      try {
        await this.#owner(key).increment(key, this.#name, this.#number);
        break;
      } catch {
        // On its way to another node, or counted with the answer lost: which one, nobody knows.
        if (tries === 0) this.retried += 1;
        await sleep(RETRY_MS);
      }
    }
    this.acknowledged.set(key, (this.acknowledged.get(key) ?? 0) + 1);
    const ms = performance.now() - startedMs;
    if (ms > this.longest.ms) this.longest = { ms, key };
  }

  /** Asked anew for each try: the owner may be another one by now. */
  #owner(key) {
    const name = this.#node.shards.place(key);
    const client = this.#clients.get(name) ?? clientOf(this.#node, name, ANSWER_MS);
    this.#clients.set(name, client);
    return client;
  }
}
