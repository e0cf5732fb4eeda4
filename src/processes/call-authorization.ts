/** Whether a call of another node is let through, as the user's `authorize` says. */
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import type { Clock } from '../host/host.ts';
import type { Logger } from '../host/logger.ts';
import type { Counter } from '../host/meter.ts';
import { AUTHORIZE_WARNING_PERIOD_MS } from '../limits.ts';
import { isPromise } from '../standard-schema.ts';
import { parseMethodRequest } from './methods.ts';
import type { Process } from './process.ts';
import type { Value } from './processes.ts';
import { quietly } from './quietly.ts';

/** A call of another node, as `authorize` is asked about it. */
export interface CallQuestion {
  /** The node at the other end of the link; nothing that the call itself says. */
  readonly from: NodeName;
  /** Of the called process: a service name that it has here, else its local name, else ''. */
  readonly service: string;
  /** Of a served object, or of one behind a proxy; '' for a call to any other process. */
  readonly method: string;
}

export type Authorize = (call: CallQuestion) => boolean;

export interface CallAuthorizationParts {
  readonly authorize: Authorize;
  /** Names of the services that a process is registered for on this node. */
  readonly servicesOf: (pid: Pid) => readonly string[];
  /** True for a process that passes calls on to one that may be a served object. */
  readonly isProxy: (pid: Pid) => boolean;
  /** True for a process by which nodes of this package talk to each other. */
  readonly isInternal: (pid: Pid) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts calls that were refused. */
  readonly refused: Counter;
}

export class CallAuthorization {
  readonly #parts: CallAuthorizationParts;
  #quietUntilMs = 0;

  constructor(parts: CallAuthorizationParts) {
    this.#parts = parts;
  }

  /** A process that has several service names may be called if one of them is allowed. */
  allows(from: NodeName, process: Process, request: Value): boolean {
    const { servicesOf, isProxy, isInternal } = this.#parts;
    if (isInternal(process.pid)) return true;
    const hasMethods = process.server !== undefined || isProxy(process.pid);
    const method = hasMethods ? (parseMethodRequest(request)?.[0] ?? '') : '';
    const services = servicesOf(process.pid);
    const names = services.length > 0 ? services : [process.name ?? ''];
    const isAllowed = names.some((service) => this.#ask({ from, service, method }));
    if (!isAllowed) this.#parts.refused.value += 1;
    return isAllowed;
  }

  /** Only true allows: a throw, and a promise too, is a fault of the program and refuses. */
  #ask(question: CallQuestion): boolean {
    try {
      const answer: unknown = this.#parts.authorize(question);
      if (isPromise(answer)) {
        void answer.then(undefined, () => {});
        throw new TypeError('authorize answers with a promise, which allows nothing');
      }
      return answer === true;
    } catch (error) {
      this.#note(question, error);
      return false;
    }
  }

  /** A peer can make it throw as often as it likes: the log is told now and then. */
  #note(question: CallQuestion, error: unknown): void {
    const { clock, logger } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + AUTHORIZE_WARNING_PERIOD_MS;
    const { from, service, method } = question;
    quietly(() => logger.error('authorize threw', { from, service, method: cut(method), error }));
  }
}

const METHOD_CHARS_SHOWN = 128;

function cut(method: string): string {
  return method.slice(0, METHOD_CHARS_SHOWN);
}
