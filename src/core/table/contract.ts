/**
 * What goes into the table core and what comes out. Effects are orders to the driver, in order.
 */
import type { NodeName } from '../names.ts';

/** One start of one node: the owner of entries. */
export interface Owner {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

/** What an owner says of one key. */
export interface TableEntry {
  readonly owner: Owner;
  readonly key: string;
  /** Grows with every write of the owner, over all its keys; 1 or more. */
  readonly version: number;
  /** Undefined for a key that was removed. */
  readonly value: Uint8Array | undefined;
}

export type TableInput =
  /** Writes an own entry; no effect when it has that value. The bytes are kept, not copied. */
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  /** Removes an own entry; no effect when there is none. */
  | { readonly kind: 'remove'; readonly key: string }
  | {
      readonly kind: 'received';
      readonly from: NodeName;
      readonly entries: readonly TableEntry[];
    }
  /** The node entered the active view: it gets the news; the driver sends the `exchange`. */
  | { readonly kind: 'neighborUp'; readonly node: NodeName }
  /** The node left the active view. */
  | { readonly kind: 'neighborDown'; readonly node: NodeName }
  /** The roster says that this start is dead or left: its entries go. */
  | { readonly kind: 'ownerGone'; readonly node: NodeName; readonly incarnation: bigint }
  /** Others believed this node dead: write all own entries anew. */
  | { readonly kind: 'reassert' };

export type TableEffect =
  /** Only to neighbours; bounded in count and bytes. */
  | {
      readonly kind: 'send';
      readonly to: NodeName;
      readonly entries: readonly TableEntry[];
    }
  /** An entry is other than before, own ones included. */
  | {
      readonly kind: 'change';
      readonly owner: Owner;
      readonly key: string;
      /** Undefined when the entry is no more. */
      readonly value: Uint8Array | undefined;
      /** `owner` = its owner wrote it; `gone` = the owner's start is no more. */
      readonly cause: 'owner' | 'gone';
    }
  /** An entry above a bound was not taken in, and not passed on; to be counted. */
  | { readonly kind: 'refused'; readonly owner: Owner; readonly key: string }
  /** Somebody speaks in this node's name; ignored, to be reported. */
  | { readonly kind: 'forged'; readonly from: NodeName; readonly key: string };
