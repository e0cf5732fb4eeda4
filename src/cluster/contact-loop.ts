/**
 * Joins through the configured contacts: at the start until one has accepted, and later whenever a
 * contact is not among the live members, which heals a cluster that was split into live halves.
 */
import { onceAborted } from '../abort.ts';
import type { Address, NodeName } from '../core/names.ts';
import type { DiscoveryChain, FoundContacts } from '../discovery/chain.ts';
import { type Contact, parseContact } from '../discovery/discovery.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { settlement } from '../settlement.ts';

const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 30_000;
/** Contacts that are no members are tried so often once this node has joined: this to twice it. */
const PROBE_MS = 15_000;
/** Peers of an earlier start that are tried in one round. */
const SAVED_AT_ONCE_MAX = 4;
/** Contacts that are tried at once: one that is dead must not keep the others waiting. */
const AT_ONCE_MAX = 4;

export interface ContactLoopOptions {
  readonly host: Pick<Host, 'timers' | 'random' | 'logger'>;
  readonly contacts: readonly Contact[];
  /** Peers that an earlier start knew: tried until somebody accepts, when no contact does. */
  readonly saved: readonly Contact[];
  readonly discovery: Pick<DiscoveryChain, 'find'>;
  /** Resolves with the name of the contact that accepted. */
  readonly join: (contact: Contact, signal: AbortSignal) => Promise<NodeName>;
  readonly isMember: (node: NodeName) => boolean;
  /** The live member that says it is there: nobody needs to be dialled to find that out. */
  readonly whoIsAt: (address: Address) => NodeName | undefined;
  /** True while this node has neighbours. */
  readonly hasNeighbors: () => boolean;
}

export class ContactLoop {
  readonly #options: ContactLoopOptions;
  readonly #first = settlement<{ readonly isAlone: boolean }>();
  /** Who answered at a contact that is only an address; as many as there are contacts. */
  readonly #nodes = new Map<Contact, NodeName>();
  #abort = new AbortController();
  #reasons: readonly string[] = ['not started'];
  #hasJoined = false;

  constructor(options: ContactLoopOptions) {
    this.#options = options;
  }

  /** Resolves when a contact has accepted, or when there is nobody to ask: alone, then. */
  get joined(): Promise<{ readonly isAlone: boolean }> {
    return this.#first.promise;
  }

  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Why no contact has accepted yet. */
  get reasons(): readonly string[] {
    return this.#hasJoined ? [] : this.#reasons;
  }

  /** Starts, or starts again after `stop`. */
  start(): void {
    this.#abort = new AbortController();
    void this.#run(this.#abort.signal);
  }

  stop(): void {
    this.#abort.abort(new BarrelError('ERR_CLOSED', 'the node left or closed'));
  }

  /** Somebody joined by other means: a user, or a node that contacted this one. */
  noteJoined(): void {
    this.#hasJoined = true;
    this.#first.resolve({ isAlone: !this.#options.hasNeighbors() });
  }

  async #run(signal: AbortSignal): Promise<void> {
    let retryMs = RETRY_MS_MIN;
    while (!signal.aborted) {
      const isSettled = await this.#round(signal);
      if (isSettled) this.noteJoined();
      const isQuiet = isSettled && this.#hasJoined;
      const shareMs = this.#options.host.random.float();
      const pauseMs = isQuiet ? PROBE_MS * (1 + shareMs) : retryMs * (0.5 + shareMs);
      retryMs = isQuiet ? RETRY_MS_MIN : Math.min(retryMs * 2, RETRY_MS_MAX);
      await this.#pause(pauseMs, signal);
    }
  }

  /** Tries the contacts that are no members yet, some at once; true when there is no need left. */
  async #round(signal: AbortSignal): Promise<boolean> {
    const { contacts, failures } = await this.#contacts(signal);
    for (const known of this.#nodes.keys())
      if (!contacts.includes(known)) this.#nodes.delete(known);
    const strangers = contacts.filter((contact) => !this.#isMember(contact));
    // Whoever could not be asked may know somebody: a node is not alone for want of an answer.
    let others = contacts.length - strangers.length + failures.length;
    const reasons: string[] = [...failures];
    for (let first = 0; first < strangers.length; first += AT_ONCE_MAX) {
      const outcomes = await this.#attempts(strangers.slice(first, first + AT_ONCE_MAX), signal);
      if (signal.aborted) return false;
      if (outcomes.includes('accepted')) return true;
      const failures = outcomes.filter((outcome) => outcome !== 'self');
      others += failures.length;
      reasons.push(...failures);
    }
    if (await this.#trySaved(signal)) return true;
    this.#reasons = reasons;
    return this.#options.hasNeighbors() || others === 0;
  }

  /** A few peers of an earlier start, while this node has not joined by a contact. */
  async #trySaved(signal: AbortSignal): Promise<boolean> {
    const { saved, host, hasNeighbors } = this.#options;
    if (this.#hasJoined || hasNeighbors() || saved.length === 0) return false;
    const first = Math.floor(host.random.float() * saved.length);
    const chosen = [...saved.slice(first), ...saved.slice(0, first)].slice(0, SAVED_AT_ONCE_MAX);
    const outcomes = await this.#attempts(chosen, signal);
    return outcomes.includes('accepted');
  }

  /** The first that accepts is enough: it ends the others. */
  async #attempts(contacts: readonly Contact[], signal: AbortSignal): Promise<string[]> {
    const enough = new AbortController();
    const either = AbortSignal.any([signal, enough.signal]);
    const attempts = contacts.map(async (contact) => {
      const outcome = await this.#attempt(contact, either);
      if (outcome === 'accepted') enough.abort(new BarrelError('ERR_CLOSED', 'another accepted'));
      return outcome;
    });
    return Promise.all(attempts);
  }

  /** `accepted`, `self`, or why not. */
  async #attempt(contact: Contact, signal: AbortSignal): Promise<string> {
    try {
      this.#nodes.set(contact, await this.#options.join(contact, signal));
      return 'accepted';
    } catch (error) {
      if (error instanceof BarrelError && error.code === 'ERR_SELF') return 'self';
      const text = error instanceof Error ? error.message : String(error);
      if (!signal.aborted) {
        this.#options.host.logger.info('contact did not accept yet', { contact, reason: text });
      }
      return `${contact}: ${text}`;
    }
  }

  /** Those that were configured, then those that were found. */
  async #contacts(signal: AbortSignal): Promise<FoundContacts> {
    const { contacts, discovery } = this.#options;
    try {
      const found = await discovery.find({ signal });
      return { ...found, contacts: [...new Set([...contacts, ...found.contacts])] };
    } catch {
      // Only its signal makes it reject: the loop is to end.
      return { contacts, failures: [] };
    }
  }

  #isMember(contact: Contact): boolean {
    const node = this.#nodeOf(contact);
    return node !== undefined && this.#options.isMember(node);
  }

  #nodeOf(contact: Contact): NodeName | undefined {
    const parsed = parseContact(contact);
    if (parsed.kind !== 'address') return parsed.node;
    return this.#options.whoIsAt(parsed.address) ?? this.#nodes.get(contact);
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = settlement<void>();
    const wake = (): void => over.resolve();
    const timer = this.#options.host.timers.after(ms, wake);
    onceAborted(signal, wake);
    await over.promise;
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', wake);
  }
}
