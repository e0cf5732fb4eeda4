/**
 * What nodes ask each other about reminders: calls to two processes that each node with reminders
 * has, one for questions, one for the handlers. Their names are not for users, and `authorize` is
 * not asked about them: who may write to the store of reminders can make them fire anyway.
 */
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import type { DeliveryOutcome, ReminderWrite } from '../core/schedule/contract.ts';
import type { ReminderRecord } from '../core/schedule/record.ts';
import { encodeRecord } from '../core/schedule/record-codec.ts';
import {
  COPIES_ASKED_MAX,
  COPY_WAIT_MS,
  DELIVERIES_MAX,
} from '../core/schedule/schedule-limits.ts';
import { bytesOfText } from '../core/store/binary-text.ts';
import { BarrelError, type ErrorCode } from '../errors.ts';
import { TIMEOUT_MS_MAX } from '../limits.ts';
import { methodCall } from '../processes/methods.ts';
import type { Processes, RegisteredName } from '../processes/processes.ts';
import { errorText } from './error-text.ts';
import type { Delivery } from './own-handlers.ts';

const QUESTIONS = 'barrel:reminders';
const FIRINGS = 'barrel:firings';
/** The node itself waits that long before it says no; the way there and back comes on top. */
const ASK_MS: number = 2 * COPY_WAIT_MS;
/** The call was not looked at. */
const UNTAKEN: ReadonlySet<ErrorCode> = new Set(['ERR_NO_PROCESS', 'ERR_OVERLOADED', 'ERR_VALUE']);

/** What a node answers to others. Arguments are what a peer sent: judged before they are used. */
export interface PeerMethods {
  readonly questions: object;
  readonly firings: object;
}

export class PeerCalls {
  readonly #processes: Processes;
  readonly #served: Pid[] = [];

  constructor(processes: Processes) {
    this.#processes = processes;
  }

  /** Answers to other nodes from now on. Idempotent. */
  serve({ questions, firings }: PeerMethods): void {
    if (this.#served.length > 0) return;
    this.#served.push(
      this.#processes.serve(questions, { name: QUESTIONS, concurrency: DELIVERIES_MAX }),
      this.#processes.serve(firings, { name: FIRINGS, concurrency: 4 * DELIVERIES_MAX }),
    );
  }

  isServed(pid: Pid): boolean {
    return this.#served.includes(pid);
  }

  /** Which of these ids that node has, durably where it has a disk. Never rejects: none, then. */
  async has(node: NodeName, ids: readonly string[]): Promise<readonly boolean[]> {
    const asked = ids.slice(0, COPIES_ASKED_MAX).map(bytesOfText);
    const answer = await this.#ask(node, 'has', [asked]);
    return ids.map((_, at) => Array.isArray(answer) && answer[at] === true);
  }

  /** Which of these writes that node knows of, or of later ones. Never rejects: none, then. */
  async haveCome(node: NodeName, writes: readonly ReminderWrite[]): Promise<readonly boolean[]> {
    const marks = writes.map(({ id, record }) =>
      record === undefined ? [bytesOfText(id)] : [bytesOfText(id), record.occurrence, record.step],
    );
    const answer = await this.#ask(node, 'haveCome', [marks]);
    return writes.map((_, at) => Array.isArray(answer) && answer[at] === true);
  }

  /** Whether that node knows of the claim, durably where it has a disk. Never rejects. */
  async knows(node: NodeName, id: string, claim: ReminderRecord): Promise<boolean> {
    return (await this.#ask(node, 'knows', [bytesOfText(id), encodeRecord(claim)])) === true;
  }

  /** Whether that node has a handler for the key and takes deliveries. Never rejects. */
  async handles(node: NodeName, keyText: string): Promise<boolean> {
    return (await this.#ask(node, 'handles', [bytesOfText(keyText)])) === true;
  }

  /** Its handler's end is the outcome; so is the loss of the node. Never rejects. */
  async deliver(node: NodeName, name: string, delivery: Delivery): Promise<DeliveryOutcome> {
    const { id, attempt, fence, dueAtMs, payload } = delivery;
    const args = [name, bytesOfText(id), attempt, fence, dueAtMs, payload];
    const request = methodCall('deliver', args);
    try {
      const timeoutMs = TIMEOUT_MS_MAX;
      return outcomeOf(await this.#processes.call(at(node, FIRINGS), request, { timeoutMs }));
    } catch (error) {
      const isUntaken = error instanceof BarrelError && UNTAKEN.has(error.code);
      return isUntaken ? { kind: 'undelivered' } : { kind: 'rejected', error: errorText(error) };
    }
  }

  /** Tells the handler there to give up. */
  abandon(node: NodeName, name: string): void {
    void this.#ask(node, 'abandon', [name]);
  }

  async #ask(node: NodeName, method: string, args: readonly unknown[]): Promise<unknown> {
    try {
      const request = methodCall(method, args);
      return await this.#processes.call(at(node, QUESTIONS), request, { timeoutMs: ASK_MS });
    } catch (error) {
      if (error instanceof BarrelError) return undefined;
      throw error;
    }
  }
}

function at(node: NodeName, name: string): RegisteredName {
  return { node, name };
}

/** As the other node says it; what makes no sense is a failed attempt. */
function outcomeOf(answer: unknown): DeliveryOutcome {
  const [kind, error]: readonly unknown[] = Array.isArray(answer) ? answer : [];
  if (kind === 'fulfilled' || kind === 'undelivered') return { kind };
  const isText = kind === 'rejected' && typeof error === 'string';
  return { kind: 'rejected', error: isText ? error : 'its node answered with no outcome' };
}
