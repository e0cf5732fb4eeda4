/** Bounds of reminders. */
import { SMALL_VALUE_BYTES_MAX } from '../../limits.ts';

/** What a reminder carries, encoded: 60 KiB, so that its record is one frame. */
export const REMINDER_PAYLOAD_BYTES_MAX: number = SMALL_VALUE_BYTES_MAX;
/** The latest time that a reminder can be due; its number fits 48 bits. The year 10889. */
export const REMINDER_AT_MS_MAX = 281_474_976_710_655;
/** How far ahead a reminder can be set: 100 years of 365.25 days. */
export const REMINDER_HORIZON_MS = 3_155_760_000_000;
/** The shortest period of a recurring one: occurrences are numbered by the second or slower. */
export const REMINDER_PERIOD_MS_MIN = 1_000;
export const CRON_EXPRESSION_CHARS_MAX = 256;
/** Of the name of a time zone. */
export const TIME_ZONE_CHARS_MAX = 64;
/** Cron expressions that are kept as they were read, 83 KB each; what was not used longest goes. */
export const CRONS_READ_MAX = 64;
/** Deliveries of one occurrence before it is dead. */
export const REMINDER_ATTEMPTS_MAX = 1_000;
/** The longest pause between two attempts, given or reached by doubling. */
export const REMINDER_BACKOFF_MS_MAX = 3_600_000;
/** Missed occurrences that may be caught up. */
export const REMINDER_CATCH_UP_MAX = 1_000;
/** Nodes whose majority acknowledges a claim. */
export const REMINDER_OWNERS_MAX = 3;
/** Of the text that says why an attempt failed; a longer one is cut. */
export const REMINDER_ERROR_CHARS_MAX = 512;
/** The same in UTF-8. */
export const REMINDER_ERROR_BYTES_MAX: number = 3 * REMINDER_ERROR_CHARS_MAX;
/** The longest lease of a claim that a node believes another one. */
export const CLAIM_LEASE_MS_MAX = 60_000;
/** The greatest number of a write to one occurrence. */
export const REMINDER_STEP_MAX = 4_294_967_295;
/** Numbers of the writes to one attempt: half of them for claims, renewed for a day and more. */
export const ATTEMPT_STEPS = 65_536;
/** Occurrences of one series that left it, dead or tried again; the oldest dead ones go. */
export const APART_MAX = 1_000;
/** Occurrences that one node works on at a time; further ones wait in due order. */
export const DELIVERIES_MAX = 1_024;
/** Reminders that one input looks at; the rest has its turn at once afterwards. */
export const LOOKS_MAX = 2_048;
/** Claims in partitions of others of which it is remembered when they were seen; the oldest go. */
export const CLAIMS_SEEN_MAX = 65_536;
/** After a member came nothing fires for so long: by then what it knows is here. */
export const REMINDER_BARRIER_MS = 1_500;
/** Members that go on coming keep reminders from firing for no longer than this. */
export const REMINDER_BARRIER_MS_MAX = 10_000;
/** Handlers that one node has attached. */
export const REMINDER_HANDLERS_MAX = 1_024;
/** Of the keys that a handler is for: told to others as text, it fits a key of a store. */
export const PREFIX_BYTES_MAX = 512;
/** Handlers of one other node that this node remembers; further ones are passed over. */
export const FOREIGN_HANDLERS_MAX = 1_024;
/** Ids that one node is asked about in one call. */
export const COPIES_ASKED_MAX = 256;
/** How long a node that is asked waits for what it has not got yet. */
export const COPY_WAIT_MS = 1_000;
/** A claim that its owners have not acknowledged after so long is not. */
export const CLAIM_ASK_MS = 2_000;
/** Nodes that left by their own word; of those that were seen to leave the oldest go. */
export const LEFT_NODES_MAX = 4_096;
/** The word of a departure lasts 30 days. */
export const DEPARTURE_MS = 2_592_000_000;
/** What comes of a cancelled key so long after the cancel, from nodes that had not heard of it. */
export const CANCELLED_MS = 60_000;
/** Cancels that are remembered; the oldest go. */
export const CANCELLED_MAX = 4_096;
