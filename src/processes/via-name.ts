/**
 * The name of one process in a registry that is none of this node's own: asked for when the process
 * starts, given back when it ends. A process that does not get its name ends.
 */
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Logger } from '../host/logger.ts';
import { thrownReason } from './exit-reason.ts';
import type { Via } from './name-registry.ts';
import type { Value } from './processes.ts';
import { quietly } from './quietly.ts';

export interface ViaNameParts {
  readonly via: Via;
  readonly pid: Pid;
  readonly logger: Logger;
  /** Ends the process. */
  readonly onRefused: (reason: Value) => void;
}

/** Disposed by the end of the process. */
export class ViaName implements Disposable {
  readonly #parts: ViaNameParts;
  readonly #registered: Promise<boolean>;
  #isEnded = false;

  constructor(parts: ViaNameParts) {
    this.#parts = parts;
    this.#registered = this.#register();
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
    void this.#giveBack();
  }

  /** True when the process has the name. */
  async #register(): Promise<boolean> {
    const { via, pid } = this.#parts;
    try {
      if (await via.registry.registerName(via.name, pid)) return true;
      const text = `name ${JSON.stringify(via.name)} is taken`;
      throw new BarrelError('ERR_ALREADY_REGISTERED', text);
    } catch (error) {
      if (!this.#isEnded) this.#parts.onRefused(thrownReason(error));
      return false;
    }
  }

  /** Only what is still its own: the name may have another holder by now. */
  async #giveBack(): Promise<void> {
    const { via, pid, logger } = this.#parts;
    const { registry, name } = via;
    if (!(await this.#registered)) return;
    try {
      if ((await registry.whereisName(name)) === pid) await registry.unregisterName(name);
    } catch (error) {
      const fields = { name, pid: pid.toString(), error };
      quietly(() => logger.warn('the name of a process that ended was not given back', fields));
    }
  }
}

/** @throws ERR_OPTION unless it is a name and a registry. */
export function checkVia(via: Via): void {
  const { name, registry }: { name?: unknown; registry?: unknown } = Object(via);
  const isRegistry =
    typeof registry === 'object' &&
    registry !== null &&
    ['registerName', 'unregisterName', 'whereisName'].every((method) => isMethod(registry, method));
  if (isRegistry && typeof name === 'string') return;
  throw new BarrelError('ERR_OPTION', '`via` must be { registry, name }: a NameRegistry, a string');
}

function isMethod(target: object, name: string): boolean {
  return typeof Reflect.get(target, name) === 'function';
}
