/**
 * Every bound of the package, in one place. A bound that a user can choose is an option and has
 * only its default or its range here.
 */

// Wire
export const FRAME_BYTES_MAX = 1_052_672;
export const VALUE_BYTES_MAX = 1_048_576;
export const SMALL_VALUE_BYTES_MAX = 61_440;
export const VALUE_DEPTH_MAX = 64;
/** Elements of all arrays, maps and sets of one decoded value together. */
export const VALUE_ELEMENTS_MAX = 262_144;
/** Numbers and bigints among the Map keys and Set members of one value, together. */
export const VALUE_NUMERIC_KEYS_MAX = 4_096;
/** Magnitude of one bigint in a value or key. */
export const BIGINT_BYTES_MAX = 1024;
export const KEY_BYTES_MAX = 1024;
export const KEY_DEPTH_MAX = 16;
export const NODE_NAME_BYTES_MIN = 3;
export const NODE_NAME_BYTES_MAX = 255;
export const ADDRESS_BYTES_MAX = 262;
export const ADDRESSES_MAX = 8;
export const REASON_BYTES_MAX = 1024;

// Admission (design: three steps on the control stream, one deadline)
export const HANDSHAKE_TIMEOUT_MS = 10_000;
export const HALF_OPEN_MAX = 256;
export const HALF_OPEN_PER_ADDRESS_MAX = 64;
export const UNADMITTED_BYTES_MAX = 16_384;
/** Between two nodes' clocks; also how far ahead of its own clock a node takes a stamp. */
export const CLOCK_SKEW_MS_MAX = 60_000;
export const PINS_MAX = 16_384;
export const PIN_UNSEEN_MS = 2_592_000_000;
export const NEW_PINS_PER_MINUTE_MAX = 60;
export const SECRET_CHARS_MIN = 32;
export const SECRET_BYTES_MIN = 16;
export const META_BYTES_MAX = 1024;
export const FINGERPRINT_BYTES_MAX = 128;
export const VERSION_BYTES_MAX = 64;

// Links
export const LANE_COUNT = 8;
export const LINK_QUEUE_HIGH_WATER_BYTES = 1_048_576;
export const LINK_QUEUE_BYTES_MAX = 67_108_864;
export const CONTROL_QUEUE_BYTES_MAX = 8_388_608;
export const LINKS_MAX = 4_096;
export const DIALS_MAX = 64;

// Membership (HyParView) and roster
export const WALK_HOPS_MAX = 16;
export const SHUFFLE_PEERS_MAX = 32;
export const ROSTER_ENTRIES_MAX = 16_384;
export const ROSTER_BATCH_MAX = 64;

/** Peers kept on disk for the next start. */
export const SAVED_PEERS_MAX = 64;

// Topics
export const TOPIC_BYTES_MAX = 255;
/** Subscriptions of one node, on all topics together. */
export const SUBSCRIPTIONS_MAX = 65_536;

// Broadcast (Plumtree)
/** Larger payloads are refused where they are made. */
export const GOSSIP_PAYLOAD_BYTES_MAX = 65_536;
export const GOSSIP_TAG_MAX = 255;
/** Broadcasts of one start of a node. */
export const GOSSIP_SEQUENCE_MAX = 281_474_976_710_655;
/** A copy that crossed more links counts as if it had crossed so many. */
export const GOSSIP_HOPS_MAX = 255;
/** Ids in one IHAVE, GRAFT or negative answer. */
export const GOSSIP_IDS_MAX = 64;
/** Origins that one node tells a new neighbour of; it says so when it knows more. */
export const GOSSIP_DIGEST_ORIGINS_MAX = 4_096;
export const GOSSIP_DIGEST_FRAME_ORIGINS_MAX = 128;
/** Gaps told for one origin: older broadcasts are not offered then. */
export const GOSSIP_DIGEST_GAPS_MAX = 256;
/** Origins whose broadcasts are told apart; a further one is refused while all are in use. */
export const GOSSIP_ORIGINS_MAX = 16_384;
/** How far an origin's newest broadcast may be ahead of its oldest missing one. */
export const GOSSIP_WINDOW_MAX = 4_096;
/** Broadcasts known by announcement only; further announcements are dropped and counted. */
export const GOSSIP_MISSING_MAX = 16_384;
/** Announcers remembered for one missing broadcast; the rest are dropped. */
export const GOSSIP_ANNOUNCERS_MAX = 16;
/** Ids asked for in one go; the rest follow about a round trip later. */
export const GOSSIP_GRAFTS_MAX = 256;

// Processes
export const PROCESSES_MAX = 1_000_000;
export const MAILBOX_MAX_DEFAULT = 10_000;
export const MAILBOX_MAX = 1_000_000;
export const CALL_TIMEOUT_MS_DEFAULT = 5_000;
export const PENDING_CALLS_MAX = 65_536;
export const SERVE_CONCURRENCY_DEFAULT = 256;
export const SERVE_CONCURRENCY_MAX = 65_536;
export const SERVE_WAITING_MAX: number = MAILBOX_MAX_DEFAULT;
export const LOCAL_NAME_BYTES_MAX = 255;
/** Children of one supervisor. */
export const SUPERVISED_CHILDREN_MAX = 1_000;
/** Restarts that one supervisor makes within a time: above it, it ends. */
export const RESTARTS_DEFAULT = 3;
export const RESTARTS_MAX = 1_000;
export const RESTARTS_WITHIN_MS_DEFAULT = 5_000;
export const CHILD_SHUTDOWN_MS_DEFAULT = 5_000;
export const SERVICE_NAME_BYTES_MAX = 255;
/** Ended services of one node whose reason stays in the table for a minute. */
export const SERVICE_DOWNS_KEPT_MAX = 256;

// Placement
export const RING_SIZE_DEFAULT = 4_096;
/** Partitions of a ring. */
export const RING_SIZE_MAX = 65_536;
/** So much of what a member of weight 1 has is the share of the lightest, and of the heaviest. */
export const SHARD_WEIGHT_MIN = 0.01;
export const SHARD_WEIGHT_MAX = 100;
/** Events of partitions that wait for a slow reader, beside two for each partition. */
export const SHARD_EVENTS_BEYOND_RING = 1_024;
/** Partitions in one frame; a node sends as many frames as it takes. */
export const CUSTODY_FRAME_PARTITIONS_MAX = 8_192;
/** A grant that was passed on so often is kept until the table of its keeper changes. */
export const CUSTODY_HOPS_MAX = 8;
/** Runs of jobs on the partitions of one node. */
export const SHARD_RUNS_MAX = 64;
/** A node that nobody compared itself with holds its partitions after so long. */
export const SHARDS_BOOT_MS = 10_000;

// Streams of events to users
export const EVENT_BACKLOG_MAX = 1_024;

// Local control socket
export const CONTROL_REQUEST_BYTES_MAX = 1_048_576;
/** A line of a control response; a longer result is refused with ERR_OVERLOADED. */
export const CONTROL_RESPONSE_BYTES_MAX = 16_777_216;
/** Further connections are closed at once. */
export const CONTROL_CONNECTIONS_MAX = 32;
/** A control connection on which nothing happens for so long is closed. */
export const CONTROL_IDLE_MS = 60_000;
/** Names of candidates that are told of one election; of the others only their number is. */
export const CANDIDATES_REPORTED_MAX = 8;
/** Of the file name of a Unix socket: macOS allows 103, Linux 107. */
export const CONTROL_PATH_BYTES_MAX = 103;

// Options
export const SECRET_BYTES_MAX = 1_024;
export const CLUSTER_NAME_BYTES_MAX = 255;
export const ZONE_BYTES_MAX = 64;
export const CONTACTS_MAX = 64;
export const DISCOVERIES_MAX = 16;
export const ACTIVE_SIZE_MAX = 64;
export const PASSIVE_SIZE_MAX = 1_024;
export const ACTIVE_SIZE_DEFAULT = 5;
export const PASSIVE_SIZE_DEFAULT = 30;
export const ARWL_DEFAULT = 6;
export const PRWL_DEFAULT = 3;
export const HEARTBEAT_MS_DEFAULT = 500;
export const SUSPICION_MIN_MS_DEFAULT = 2_000;
export const SUSPICION_MAX_MS_DEFAULT = 10_000;
export const LISTEN_HOST_DEFAULT = '127.0.0.1';

// Host
/** Asked of the system for each UDP socket and direction; it may grant less. */
export const UDP_BUFFER_BYTES = 4_194_304;
/** Datagrams that wait in this process for a socket that is not ready; over it they are dropped. */
export const UDP_QUEUE_BYTES_MAX = 8_388_608;

// Identity on disk
export const KEY_FILE_BYTES_MAX = 16_384;
/** A pin on disk; larger files are no pins. */
export const PIN_FILE_BYTES_MAX = 4_096;
/** How old the time of the last admission in a pin's file may get. */
export const PIN_SEEN_REFRESH_MS = 86_400_000;
/** How far an incarnation that a peer reports may lie ahead of the own wall clock. */
export const INCARNATION_AHEAD_MS_MAX = 315_360_000_000;
/** Statements of rotated keys in one HELLO, and bytes of each. */
export const ENDORSEMENTS_MAX = 16;
export const ENDORSEMENT_BYTES_MAX = 512;
export const PROOF_BYTES_MAX = 64;
export const HELLO_NAME_BYTES_MAX = 512;

// Discovery
/** A node's file in a discovery directory; larger ones are skipped. */
export const DISCOVERY_FILE_BYTES_MAX = 8_192;
/** Contacts taken from discovery, and files looked at in a directory, by their names. */
export const DISCOVERED_MAX = 1_024;

// Processes across nodes
/** Of a call, a receive or a delay: the longest that one timer takes. */
export const TIMEOUT_MS_MAX = 2_147_483_647;
export const TRACEPARENT_BYTES_MAX = 128;
/** Of what a validator says of a value, or of arguments, that it refuses, in characters. */
export const REFUSAL_CHARS_MAX = 500;
/** Texts of an error that crosses to another process, in characters; longer ones are cut. */
export const ERROR_NAME_CHARS_MAX = 128;
export const ERROR_MESSAGE_CHARS_MAX = 4_096;
export const ERROR_STACK_CHARS_MAX = 8_192;
/** Credit of a message: 1 and 1 more for each of these many bytes. */
export const FLOW_UNIT_BYTES = 4_096;
/** Credit that a sending node has for a process of which it has heard nothing yet. */
export const FLOW_WINDOW_INITIAL = 64;
export const FLOW_WINDOW_MAX = 2_048;
/** Destinations on one node with credit of their own, at either end; over it the oldest go. */
export const FLOWS_PER_LINK_MAX = 4_096;
/** Messages that wait for credit of one destination: `send` answers false from the mark on. */
export const OUTBOX_MESSAGES_HIGH_WATER = 1_024;
export const OUTBOX_MESSAGES_MAX = 16_384;
export const OUTBOX_BYTES_HIGH_WATER = 1_048_576;
export const OUTBOX_BYTES_MAX = 16_777_216;
/** Of all destinations on one node together. */
export const OUTBOX_BYTES_PER_LINK_MAX = 67_108_864;
/** Frames other than messages that wait because the link is at its hard limit. */
export const SIGNALS_WAITING_MAX = 262_144;
/** Monitors, and links between processes, that a node may have on processes of another one. */
export const MONITORS_PER_LINK_MAX = 65_536;
export const PROCESS_LINKS_PER_LINK_MAX = 65_536;
/** Between two log lines that say that `authorize` threw. */
export const AUTHORIZE_WARNING_PERIOD_MS = 60_000;
/** Calls of one node that may be open on another one. */
export const REQUESTS_PER_LINK_MAX = 65_536;

// Streams that answer calls
/** Items of one stream that are on their way or not read yet. */
export const RESULT_WINDOW_ITEMS = 64;
/** The same in bytes: nothing is sent while so much is out, so that one item may go over it. */
export const RESULT_WINDOW_BYTES = 1_048_576;
/** Streams of one node that another one reads. */
export const RESULTS_PER_LINK_MAX = 4_096;
/** Streams that one process answers with at once. */
export const RESULTS_PER_PROCESS_MAX = 4_096;

// Numbers that only their owner raises, by one at a time
export const REFUTATION_MAX = 1_099_511_627_776;
/** A refutation further than this above the known one is forged. */
export const REFUTATION_LEAP_MAX = 65_536;

// Bytes that wait
/** An exit reason, encoded; a longer one is cut to a summary where it comes to be. */
export const EXIT_REASON_BYTES_MAX = 16_384;
/** Processes of one node whose reason is known after their end; encoded, or cut to so long. */
export const ENDED_PROCESSES_KEPT_MAX = 4_096;
export const ENDED_REASON_BYTES_MAX = 1_024;
/** Messages that wait in one mailbox, or calls that wait for one served object, together. */
export const MAILBOX_BYTES_MAX = 67_108_864;
/** Signals that wait for one node, for room on its link or for their order; above it lost. */
export const SIGNALS_WAITING_BYTES_MAX = 134_217_728;

// Services
/** Proxies of one node. */
export const PROXIES_MAX = 4_096;
/** Calls that one proxy has under way; further ones get ERR_OVERLOADED. */
export const PROXY_CALLS_MAX = 1_024;
/** Further attempts of one look-up or call that may be asked for. */
export const SERVICE_RETRIES_MAX = 100;

// Sketches of sets
/** Coded symbols that a node keeps of its own set. */
export const SKETCH_SYMBOLS_DEFAULT = 2_048;
export const SKETCH_SYMBOLS_MAX = 16_384;
/** Elements under one coded symbol of another node. */
export const SKETCH_ELEMENTS_MAX = 1_073_741_823;
/** Coded symbols of the first batch of an exchange. */
export const SKETCH_FIRST_BATCH = 8;
/** Counts that come with the first batch: of its symbols, and of those that follow. */
export const SKETCH_COUNTS = 96;

// Clock
/** A later wall clock is not believed: half of what a stamp holds, so that no stamp overflows. */
export const CLOCK_WALL_MS_MAX = 140_737_488_355_327;
/** How far ahead of time a clock is reserved on disk; with half of it left it is extended. */
export const CLOCK_RESERVE_MS = 10_000;
/** The same for a clock that time does not drive: 65,536 stamps for each millisecond. */
export const CLOCK_RESERVE_COUNTED_MS = 100;
export const CLOCK_SAVE_RETRY_MS = 1_000;
/** Between two warnings of one kind. */
export const CLOCK_WARNING_PERIOD_MS = 60_000;

// Maps
/** Maps that one node hosts. */
export const MAPS_MAX = 256;
export const MAP_NAME_BYTES_MAX = 255;
/** Entries of one `putAll`. */
export const MAP_PUT_ALL_MAX = 10_000;
/** Keys and values of one `putAll`: with what they take beside, a disk that is idle takes them. */
export const MAP_PUT_ALL_BYTES_MAX = 41_943_040;
/** For one slow reader: the largest `putAll` on top of what any stream holds. */
export const MAP_EVENTS_WAITING_MAX = 11_024;
/** Keys and values of these events, as they are encoded. */
export const MAP_EVENT_BYTES_WAITING_MAX = 67_108_864;
/** Ten years. */
export const MAP_TTL_MS_MAX = 315_360_000_000;
/** Thirty days. */
export const MAP_TOMBSTONE_TTL_MS_MAX = 2_592_000_000;
export const MAP_TOMBSTONE_TTL_MS_DEFAULT = 3_600_000;

// Durable store
/** Of all batches that are not durable yet; further ones get ERR_OVERLOADED. */
export const STORE_WAITING_BYTES_MAX = 67_108_864;
/** Of that, what writes of this node may take; the rest is for what comes from elsewhere. */
export const STORE_WRITES_WAITING_BYTES_MAX = 62_914_560;
/** Of the batches that share one write to the disk; a larger batch goes alone. */
export const STORE_GROUP_BYTES_MAX = 4_194_304;
/** Counted for each operation of a batch beside its key and value. */
export const STORE_OPERATION_BYTES = 64;
/** Keys and values that one range reads ahead. */
export const STORE_READ_BYTES = 262_144;
export const STORE_READ_ITEMS_MAX = 1_024;

// Replicated stores
/** Replicas that one node hosts, the built-in stores included. */
export const STORES_MAX = 272;
export const STORE_NAME_BYTES_MAX = 264;
/** An owned key has the name of its owner in front. */
export const STORE_KEY_BYTES_MAX = 1_536;
/** Entries of one replica, tombstones included: further writes of this node are refused. */
export const STORE_ENTRIES_MAX = 1_048_576;
/** Keys and values of one replica, in bytes: further writes of this node are refused. */
export const STORE_BYTES_MAX = 1_073_741_824;
/** What others wrote is taken in above these bounds, up to so many times of them. */
export const STORE_OTHERS_FACTOR = 1.25;
/** Entries of writers that the roster does not know yet, of all stores; the oldest go. */
export const STRANGER_ENTRIES_MAX = 4_096;
/** The same in bytes. */
export const STRANGER_BYTES_MAX = 16_777_216;
/** Replicas that are away and looked after at one time; further ones wait. */
export const ABSENCES_MAX = 65_536;
/** Entries in one frame. */
export const STORE_BATCH_ENTRIES_MAX = 4_096;
/** Bytes of entries in one frame; a larger entry travels alone. */
export const STORE_BATCH_BYTES_MAX = 57_344;
/** Replicas of which one store knows, in one frame of an exchange. */
export const KNOWLEDGE_FRAME_REPLICAS_MAX = 8_192;
/** Bytes of what stores know of replicas, in one frame of an exchange; the rest has its turn. */
export const KNOWLEDGE_FRAME_BYTES_MAX = 262_144;
/** Nodes that are asked for an exchange in one round. */
export const EXCHANGE_PARTNERS_MAX = 8;
/** Ids in one frame of an exchange: 16 bytes each. */
export const EXCHANGE_IDS_MAX = 3_072;
/** Entries told as deleted history in one frame. */
export const EXCHANGE_BURIED_MAX = 4_096;
/** Frames of an exchange that wait at the side that takes them in. */
export const EXCHANGE_WINDOW = 8;
/** Requests of one exchange that wait for their answers. */
export const EXCHANGE_QUEUE_MAX = 64;
/** Stores whose first coded symbols come with the answer to an exchange. */
export const SKETCHED_STORES_MAX = 32;
/** Replicas that are gone and are told apart for a while; older ones share one floor. */
export const KNOWN_REMOVED_MAX = 64;
/** Replicas of which one store knows; above it those that are gone share the floor at once. */
export const KNOWN_REPLICAS_MAX = 4_096;
/** Ranges of stamps of one writer that have come; above it the lowest one is not remembered. */
export const KNOWN_RANGES_MAX = 512;
/** The highest that are told to others. Each start of a durable replica begins one. */
export const KNOWN_RANGES_TOLD = 8;
/** Frames of exchanges that wait for a link to one node; further ones are lost. */
export const FRAMES_BEFORE_LINK_MAX = 64;

// Elections
/** Of the name of an election that a user gives. */
export const ELECTION_NAME_BYTES_MAX = 255;
export const ELECTION_PRIORITY_MAX = 2_147_483_647;
/** Of any name, also one that this package makes of a user's. */
export const ELECTION_KEY_BYTES_MAX = 512;
/** Nodes that decide who leads under one name. */
export const QUORUM_VOTERS_MAX = 31;
/** Names for which one node keeps a promise as a voter; further ones get none. */
export const VOTES_MAX = 4_096;
/** Names for which one node is a candidate. */
export const CANDIDACIES_MAX = 4_096;
/** Streams of one node that tell who leads and are read; a slow reader gets the last word only. */
export const LEADER_WATCHES_MAX = 65_536;
/** How long the greatest token of a name is kept: by then the clocks are ahead of it. */
export const FENCE_KEPT_MS = 604_800_000;

// Routing through the overlay
/** Links that a query may cross: a first copy may come on a longer way than the shortest. */
export const QUERY_HOPS_MAX = 16;
/** Time of a query, when the node that asks gives it none, and at most. */
export const QUERY_TIME_MS_MAX = 2_000;
/** Time of one for a look-up that asks once and shall say soon that nobody has it. */
export const QUERY_TIME_ONCE_MS = 500;
/** Queries that one node has open, its own included; further ones are refused. */
export const QUERIES_MAX = 256;
/** Queries that are remembered as seen; the oldest go. */
export const QUERY_IDS_SEEN_MAX = 16_384;
/** Linked nodes that are asked by a node that has no neighbour. */
export const QUERY_LINKS_MAX = 8;
/** What a node says of a service: a record of the replicated table. */
export const QUERY_VALUE_BYTES_MAX = 61_504;
/** Names of which one node remembers for a moment that nobody has them; the oldest go. */
export const ABSENT_NAMES_MAX = 1_024;
/** Circuits of which one node is an end or a relay. */
export const CIRCUITS_MAX = 1_024;
/** Of those, how many may have come through one neighbour. */
export const CIRCUITS_PER_NEIGHBOR_MAX = 256;
/** A circuit that carried nothing for so long is cut. */
export const CIRCUIT_IDLE_MS = 60_000;
/** One datagram on a circuit. */
export const CARRIED_BYTES_MAX = 1_500;
/** A relay with more waiting for a link than this loses the datagrams that it carries there. */
export const CARRY_QUEUE_BYTES_MAX = 262_144;
