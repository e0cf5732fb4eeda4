/**
 * The decisions of one supervisor, in the manner of OTP: who is started again when a child ends,
 * in which order children start and stop, and when the supervisor gives up. Facts go in, orders
 * come out; nothing here knows a process or a clock.
 *
 * One child at a time is started or stopped. Whatever happens meanwhile is noted, and looked at
 * when that is done: first all that must stop, the last child first, then all that must start.
 */
import type { Pid } from '../core/pid.ts';
import { unreachable } from '../core/unreachable.ts';
import type { Value } from './processes.ts';
import type { SupervisionRules } from './supervise-options.ts';
import type { SupervisionEffect, SupervisionInput } from './supervision-contract.ts';
import { RestartIntensity } from './supervision-intensity.ts';

type ChildState =
  /** Not started yet, or over. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly pid: Pid }
  /** Told to end. */
  | { readonly kind: 'stopping'; readonly pid: Pid };

/** Why the supervisor ends. */
type Stop = Omit<Extract<SupervisionEffect, { kind: 'end' }>, 'kind'>;

const IDLE: ChildState = { kind: 'idle' };

export class Supervision {
  readonly #rules: SupervisionRules;
  readonly #states: ChildState[];
  /** Children by the pid of their process. */
  readonly #byPid = new Map<Pid, number>();
  readonly #toStart = new Set<number>();
  readonly #toStop = new Set<number>();
  /** Children that have started once: a first start that fails is fatal. */
  readonly #known = new Set<number>();
  readonly #intensity: RestartIntensity;
  /** The child that is being started or stopped. */
  #busy: number | undefined;
  /** The supervisor among the children whose own children must start before the next one does. */
  #beginning: number | undefined;
  #hasBegun = false;
  /** The last timer that was ordered: earlier ones are of no use any more. */
  #timer = 0;
  #stop: Stop | undefined;
  #isOver = false;
  #effects: SupervisionEffect[] = [];

  constructor(rules: SupervisionRules) {
    this.#rules = rules;
    this.#intensity = new RestartIntensity(rules.restarts, rules.withinMs);
    this.#states = rules.children.map(() => IDLE);
  }

  /** Nothing is started any more. */
  get isStopping(): boolean {
    return this.#stop !== undefined;
  }

  /** Processes of the children, the last child first. */
  get running(): readonly Pid[] {
    return this.#states
      .flatMap((state) =>
        state.kind === 'running' || state.kind === 'stopping' ? [state.pid] : [],
      )
      .reverse();
  }

  isChild(pid: Pid): boolean {
    return this.#byPid.has(pid);
  }

  /** Applies one fact; returns what must be done, in order. */
  handle(input: SupervisionInput, nowMs: number): readonly SupervisionEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case 'begin':
        for (const child of this.#states.keys()) this.#toStart.add(child);
        break;
      case 'started':
        this.#onStarted(input);
        break;
      case 'childBegun':
        this.#onChildBegun(input.pid);
        break;
      case 'startFailed':
        this.#onStartFailed(input.child, input.reason, nowMs);
        break;
      case 'ended':
        this.#onEnded(input.pid, input.reason, nowMs);
        break;
      case 'timeOver':
        this.#onTimeOver(input.timer);
        break;
      case 'stopAsked':
        this.#stopAll({ reason: input.reason, isFailure: false });
        break;
      default:
        unreachable(input);
    }
    this.#advance();
    return this.#effects;
  }

  #onStarted({ child, pid, isBegun }: Extract<SupervisionInput, { kind: 'started' }>): void {
    if (this.#states[child]?.kind !== 'starting') {
      // It was given up: nobody waits for this process any more.
      this.#effects.push({ kind: 'exit', pid, reason: 'kill' });
      return;
    }
    this.#states[child] = { kind: 'running', pid };
    this.#byPid.set(pid, child);
    this.#busy = undefined;
    if (isBegun) this.#known.add(child);
    else this.#beginning = child;
  }

  #onChildBegun(pid: Pid): void {
    const child = this.#byPid.get(pid);
    if (child === undefined || child !== this.#beginning) return;
    this.#beginning = undefined;
    this.#known.add(child);
  }

  #onStartFailed(child: number, reason: Value, nowMs: number): void {
    if (this.#states[child]?.kind !== 'starting') return;
    this.#states[child] = IDLE;
    this.#busy = undefined;
    if (this.#toStop.delete(child)) return;
    if (!this.#known.has(child)) this.#giveUpStart(child, reason);
    else if (this.#mayRestart(child, reason, nowMs)) this.#toStart.add(child);
  }

  #onEnded(pid: Pid, reason: Value, nowMs: number): void {
    const child = this.#byPid.get(pid);
    if (child === undefined) return;
    this.#byPid.delete(pid);
    this.#states[child] = IDLE;
    if (this.#busy === child) this.#busy = undefined;
    if (this.#beginning === child) this.#beginning = undefined;
    // What must stop anyway may as well end by itself.
    if (this.#toStop.delete(child)) return;
    if (!this.#known.has(child)) this.#giveUpStart(child, reason);
    else if (this.#needsRestart(child, reason)) this.#restart(child, reason, nowMs);
  }

  #restart(child: number, reason: Value, nowMs: number): void {
    if (!this.#mayRestart(child, reason, nowMs)) return;
    this.#toStart.add(child);
    if (this.#rules.strategy === 'rest-for-one') this.#restartAfter(child);
  }

  /** The child has had its time to end, or to start although nobody wants it any more. */
  #onTimeOver(timer: number): void {
    const child = this.#busy;
    if (timer !== this.#timer || child === undefined) return;
    const state = this.#states[child] ?? IDLE;
    if (state.kind === 'stopping') {
      this.#effects.push({ kind: 'exit', pid: state.pid, reason: 'kill' });
    } else if (state.kind === 'starting' && this.isStopping) {
      this.#states[child] = IDLE;
      this.#toStop.delete(child);
      this.#busy = undefined;
    }
  }

  #needsRestart(child: number, reason: Value): boolean {
    switch (this.#rules.children[child]?.restart) {
      case 'permanent':
        return true;
      case 'transient':
        return reason !== 'normal' && reason !== 'shutdown';
      default:
        return false;
    }
  }

  /** Above the bound of restarts the supervisor ends instead. */
  #mayRestart(child: number, reason: Value, nowMs: number): boolean {
    if (this.#intensity.admits(nowMs)) return true;
    const message = `over ${this.#intensity}, the last of child ${child}: ${reasonText(reason)}`;
    this.#giveUp({ name: 'RestartsExceeded', message, child, reason });
    return false;
  }

  /** Children that were started after one that ended may build on it. */
  #restartAfter(ended: number): void {
    for (let child = ended + 1; child < this.#states.length; child += 1) {
      if (this.#states[child]?.kind !== 'idle') this.#toStop.add(child);
      if (this.#rules.children[child]?.restart !== 'temporary') this.#toStart.add(child);
    }
  }

  #giveUpStart(child: number, reason: Value): void {
    const message = `child ${child} did not start: ${reasonText(reason)}`;
    this.#giveUp({ name: 'ChildNotStarted', message, child, reason });
  }

  #giveUp(reason: Value): void {
    this.#stopAll({ reason, isFailure: true });
  }

  #stopAll(stop: Stop): void {
    if (this.#stop !== undefined) return;
    this.#stop = stop;
    this.#toStart.clear();
    for (const [child, { kind }] of this.#states.entries()) {
      if (kind !== 'idle') this.#toStop.add(child);
      if (kind === 'starting') this.#schedule(child);
    }
  }

  /** Does the next thing, unless one is under way. */
  #advance(): void {
    if (this.#busy !== undefined || this.#isOver) return;
    if (this.#toStop.size > 0) this.#stopChild(Math.max(...this.#toStop));
    else if (this.#stop !== undefined) this.#end(this.#stop);
    else if (this.#beginning !== undefined) return;
    else if (this.#toStart.size > 0) this.#startChild(Math.min(...this.#toStart));
    else if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#effects.push({ kind: 'begun' });
    }
  }

  #startChild(child: number): void {
    this.#toStart.delete(child);
    this.#states[child] = { kind: 'starting' };
    this.#busy = child;
    this.#effects.push({ kind: 'start', child, isRestart: this.#known.has(child) });
  }

  #stopChild(child: number): void {
    const state = this.#states[child] ?? IDLE;
    if (state.kind !== 'running') return;
    const { pid } = state;
    this.#states[child] = { kind: 'stopping', pid };
    this.#busy = child;
    const isPatient = this.#rules.children[child]?.shutdownMs !== 0;
    this.#effects.push({ kind: 'exit', pid, reason: isPatient ? 'shutdown' : 'kill' });
    if (isPatient) this.#schedule(child);
  }

  #schedule(child: number): void {
    this.#timer += 1;
    const delayMs = this.#rules.children[child]?.shutdownMs ?? 0;
    this.#effects.push({ kind: 'schedule', timer: this.#timer, delayMs });
  }

  #end(stop: Stop): void {
    this.#isOver = true;
    this.#effects.push({ kind: 'end', ...stop });
  }
}

function reasonText(reason: Value): string {
  if (typeof reason === 'string') return reason;
  const { message }: { readonly message?: unknown } = Object(reason);
  return typeof message === 'string' ? message : typeof reason;
}
