/** Topics as a user holds them: messages to every subscriber in the cluster. */
import type { NodeName } from '../core/names.ts';

/** One message on a topic. */
export interface TopicMessage {
  readonly topic: string;
  readonly message: unknown;
  /** The node that published it. */
  readonly from: NodeName;
  /** The same on all nodes; no two messages share one. */
  readonly id: string;
}

/**
 * Broadcast to every subscriber in the cluster over the gossip tree: once per live member in normal
 * operation, no order between publishers. Nothing is kept for nodes that join later.
 */
export interface Topics {
  /**
   * Tells all subscribers, those on this node included; returns the message's id and does not wait.
   * A topic has 1 to 255 bytes, a message at most 60 KiB.
   * @throws ERR_OPTION for a topic that is none, ERR_VALUE for a message that cannot be encoded or
   * is too large, ERR_CLOSED.
   */
  publish(topic: string, message: unknown): string;
  /**
   * Calls the listener for each message on the topic from now on, each with a copy of its own,
   * until the handle is disposed. A throwing listener is logged and breaks nothing.
   * @throws ERR_OPTION for a topic that is none, ERR_OVERLOADED above 65,536 subscriptions,
   * ERR_CLOSED.
   */
  subscribe(topic: string, listener: (message: TopicMessage) => void): Disposable;
}
