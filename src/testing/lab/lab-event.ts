/** What can happen to a simulated node. All have the same fields in one order, for speed. */
import type { LabLink } from './lab-link.ts';
import type { LabMessage } from './lab-node.ts';

interface EventFields {
  /** To whom it happens, by number. */
  readonly node: number;
  /** The other end, or -1. */
  readonly peer: number;
}

export type LabEvent<M extends LabMessage, T> =
  | (EventFields & { readonly kind: 'message'; readonly link: LabLink; readonly load: M })
  | (EventFields & { readonly kind: 'datagram'; readonly link: undefined; readonly load: M })
  | (EventFields & { readonly kind: 'timer'; readonly link: undefined; readonly load: T })
  /** The handshake ends; the load is when the dial began. */
  | (EventFields & { readonly kind: 'dialled'; readonly link: undefined; readonly load: number })
  | (EventFields & { readonly kind: 'dialFailed'; readonly link: undefined; readonly load: 0 })
  /** A link that stood already when it was asked for. */
  | (EventFields & { readonly kind: 'linkUp'; readonly link: LabLink; readonly load: 0 })
  /** The end of a dead node's link is noticed, where the experiment has it so. */
  | (EventFields & { readonly kind: 'linkLost'; readonly link: LabLink; readonly load: 0 })
  | (EventFields & { readonly kind: 'idleCheck'; readonly link: LabLink; readonly load: 0 })
  /** A step of the experiment itself. */
  | (EventFields & { readonly kind: 'step'; readonly link: undefined; readonly load: () => void });

export type LabEventKind = LabEvent<LabMessage, unknown>['kind'];

/** For the trace hash. */
export const EVENT_NUMBERS: Readonly<Record<LabEventKind, number>> = {
  message: 1,
  datagram: 2,
  timer: 3,
  dialled: 4,
  dialFailed: 5,
  linkUp: 6,
  linkLost: 7,
  idleCheck: 8,
  step: 9,
};
