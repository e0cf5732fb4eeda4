/** The elections of one node: its candidacies, the jobs that run under them, and who watches. */
import type { ElectionPort, Stores } from '../cluster/ports.ts';
import type { Rival } from '../core/election/candidate.ts';
import type { KnownContest } from '../core/election/contest.ts';
import type { ElectionConfig } from '../core/election/election-config.ts';
import { isPid, type Pid, pidOf } from '../core/pid.ts';
import type { StampSource } from '../core/store/contract.ts';
import { BarrelError } from '../errors.ts';
import type { DurableStore } from '../host/durable-store.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { CANDIDACIES_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import type { Processes } from '../processes/processes.ts';
import { abortable } from '../settlement.ts';
import { checkCampaignOptions, checkElectionName } from './campaign-options.ts';
import { ElectionDriver } from './election-driver.ts';
import { FenceStore } from './fence-store.ts';
import type { Job } from './job-run.ts';
import { JobRuns } from './job-runs.ts';
import { LeaderWatches } from './leader-watches.ts';
import type {
  CampaignOptions,
  Candidacy,
  KnownElection,
  Leader,
  Leaders,
  ReservedElections,
} from './leaders.ts';
import { OwnCandidacy } from './own-candidacy.ts';
import { votersOf } from './quorum.ts';
import { VoteBook } from './vote-book.ts';
import { VoteDriver } from './vote-driver.ts';

export interface LeaderElectionsOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger' | 'meter'>;
  readonly port: ElectionPort;
  readonly processes: Processes;
  readonly clock: StampSource;
  readonly config: Partial<ElectionConfig>;
}

/** Where tokens and promises are kept. */
interface Stored {
  readonly stores: Stores;
  /** Undefined without a data directory. */
  readonly durable: DurableStore | undefined;
}

interface Parts {
  readonly fences: FenceStore;
  readonly votes: VoteDriver;
  /** Entries of others that make no sense. */
  readonly invalid: Counter;
}

export class LeaderElections implements Leaders {
  readonly #options: LeaderElectionsOptions;
  readonly #driver: ElectionDriver;
  readonly #candidacies = new Map<string, OwnCandidacy>();
  readonly #watches: LeaderWatches;
  readonly #runs: JobRuns;
  readonly #votes: VoteDriver;
  readonly #begun: Counter;
  readonly #revoked: Counter;
  #isClosed = false;

  private constructor(options: LeaderElectionsOptions, parts: Parts) {
    const { host } = options;
    const { votes } = parts;
    this.#options = options;
    this.#votes = votes;
    this.#runs = new JobRuns(host);
    this.#watches = new LeaderWatches((name) => this.leader(name));
    this.#begun = host.meter.counter('barrel_elections_terms_total');
    this.#revoked = host.meter.counter('barrel_elections_revoked_total');
    this.#driver = new ElectionDriver({
      ...options,
      ...parts,
      voter: (from, ballot) => votes.receive(from, ballot),
      onElected: (name, token) => {
        this.#begun.value += 1;
        this.#candidacies.get(name)?.begin(token);
      },
      onRevoked: (name) => {
        this.#revoked.value += 1;
        this.#candidacies.get(name)?.revoke();
      },
      onLeader: (name, leader) => this.#watches.push(name, leader && leaderOf(leader)),
      onUntold: (name) => this.#candidacies.get(name)?.end({ isTold: true }),
      onConflict: (name, rival) => {
        this.#candidacies.get(name)?.end({ isTold: true, fault: conflict(name, rival) });
      },
    });
    host.meter.gauge('barrel_elections_candidacies', () => this.#candidacies.size);
    host.meter.gauge('barrel_elections_led', () => this.#led);
  }

  /** @throws ERR_STORE when tokens or promises that are kept cannot be read. */
  static async open(options: LeaderElectionsOptions & Stored): Promise<LeaderElections> {
    const { host, port, stores, durable } = options;
    const invalid = host.meter.counter('barrel_elections_invalid_entries_total');
    const fences = await FenceStore.open(stores, invalid);
    const votes = await VoteDriver.open({
      self: port.self,
      host,
      book: durable && new VoteBook(durable, host.logger),
      send: (to, ballot) => elections.#driver.send(to, ballot),
    });
    const elections: LeaderElections = new LeaderElections(options, { fences, invalid, votes });
    return elections;
  }

  async campaign(name: string, options: CampaignOptions = {}): Promise<Candidacy> {
    checkElectionName(name);
    return this.#enter(name, options);
  }

  async run(name: string, job: Job, options: CampaignOptions = {}): Promise<void> {
    checkElectionName(name);
    checkCampaignOptions(options);
    const { signal, ...rules } = options;
    await this.#runs.run({ name, job, signal, campaign: () => this.#enter(name, rules) });
  }

  leader(name: string): Leader | undefined {
    const leader = this.#driver.leader(name);
    return leader && leaderOf(leader);
  }

  isLeader(name: string): boolean {
    return this.#driver.term(name) !== undefined;
  }

  fence(name: string): bigint | undefined {
    return this.#driver.term(name);
  }

  watch(name: string, options: Cancellable = {}): AsyncIterable<Leader | undefined> {
    return this.#watches.open(name, { ...options, isCounted: true });
  }

  list(): readonly KnownElection[] {
    return this.#driver
      .known()
      .map(knownElection)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** For features of this package, under names that begin with `barrel:`. */
  readonly reserved: ReservedElections = {
    campaign: (name, options = {}) => this.#enter(name, options),
    leader: (name) => this.leader(name),
    watch: (name, options) => this.#watches.open(name, { ...options, isCounted: false }),
  };

  /** This node takes part, for the first time or after `leave`. */
  join(): void {
    this.#driver.submit({ kind: 'joined' });
  }

  /** It knows what others know, or is alone. */
  settle(): void {
    this.#driver.submit({ kind: 'synced' });
  }

  /** All terms of this node end at once; its candidacies stand again after the next `join`. */
  leave(): void {
    this.#driver.submit({ kind: 'left' });
  }

  /**
   * Takes all candidacies back; those with a job at work when it has ended, or after 1.8 s. No new
   * ones. Idempotent.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ending = this.#runs.close();
    for (const candidacy of [...this.#candidacies.values()]) {
      if (!this.#runs.hasJob(candidacy.name)) candidacy.end({ isTold: true });
    }
    await ending;
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end({ isTold: true });
    this.#watches.close();
    this.#driver.close();
    this.#votes.close();
  }

  async #enter(name: string, options: CampaignOptions): Promise<OwnCandidacy> {
    checkCampaignOptions(options);
    options.signal?.throwIfAborted();
    this.#checkRoom(name);
    const candidacy = this.#stand(name, options);
    const { priority = 0, sticky = true, minMembers = 1, quorum, signal } = options;
    const { serial } = candidacy.pid;
    const voters = quorum && votersOf(quorum);
    const rules = { priority, isSticky: sticky, minMembers, serial, voters };
    this.#driver.submit({ kind: 'campaign', name, rules });
    if (candidacy.fault !== undefined) throw candidacy.fault;
    try {
      // Who is alone has begun its first term by now; others have to hear of it first.
      await abortable(this.#driver.minted(name) ?? Promise.resolve(), signal);
    } catch (error) {
      await candidacy.resign();
      throw error;
    }
    candidacy.open();
    return candidacy;
  }

  /** The process stands, and is watched. */
  #stand(name: string, options: CampaignOptions): OwnCandidacy {
    const { processes, host } = this.#options;
    const isMade = options.pid === undefined;
    const pid = options.pid ?? processes.spawn(takeNoNotice);
    this.#checkOwnProcess(pid);
    const candidacy: OwnCandidacy = new OwnCandidacy({
      name,
      pid,
      host,
      token: () => this.#driver.term(name),
      withdraw: () => {
        monitor[Symbol.dispose]();
        this.#candidacies.delete(name);
        this.#driver.submit({ kind: 'withdraw', name });
        if (isMade && processes.isAlive(pid)) processes.exit(pid, 'shutdown');
      },
    });
    // One that was made here can be made again.
    const fault = isMade ? undefined : hasEnded(pid);
    const monitor = processes.monitor(pid, () => candidacy.end({ isTold: true, fault }));
    this.#candidacies.set(name, candidacy);
    return candidacy;
  }

  #checkRoom(name: string): void {
    if (this.#isClosed)
      throw new BarrelError('ERR_CLOSED', 'the elections of this node are closed');
    if (this.#candidacies.has(name)) {
      const text = `this node is a candidate for ${JSON.stringify(name)} already`;
      throw new BarrelError('ERR_ALREADY_CANDIDATE', text);
    }
    if (this.#candidacies.size >= CANDIDACIES_MAX) {
      const text = `this node is a candidate for ${CANDIDACIES_MAX} names already`;
      throw new BarrelError('ERR_OVERLOADED', text);
    }
  }

  #checkOwnProcess(pid: Pid): void {
    const { port, processes } = this.#options;
    const { node, incarnation } = port.self;
    if (!isPid(pid) || pid.node !== node || pid.incarnation !== incarnation) {
      const text = `a candidate is a process of its own node ${node}, not ${pid}`;
      throw new BarrelError('ERR_OPTION', text);
    }
    if (processes.isAlive(pid)) return;
    throw hasEnded(pid);
  }

  get #led(): number {
    let led = 0;
    for (const name of this.#candidacies.keys()) if (this.isLeader(name)) led += 1;
    return led;
  }
}

function conflict(name: string, rival: Rival | undefined): BarrelError {
  const of = `candidates for ${JSON.stringify(name)} that have other voters`;
  const who = rival === undefined ? 'a voter holds the term' : `${rival.node} is one`;
  const theirs = rival?.voters === undefined ? '' : `, with ${rival.voters.join(', ')}`;
  return new BarrelError('ERR_CONFLICT', `there are ${of}: ${who}${theirs}`);
}

function hasEnded(pid: Pid): BarrelError {
  return new BarrelError('ERR_NO_PROCESS', `process ${pid} has ended`);
}

function leaderOf({ node, incarnation, serial }: Rival): Leader {
  return { node, pid: pidOf(node, incarnation, serial) };
}

function knownElection({ name, leader, candidates, voters }: KnownContest): KnownElection {
  return {
    name,
    leader: leader?.term === undefined ? undefined : { ...leaderOf(leader), fence: leader.term },
    candidates: candidates.map(({ node }) => node),
    mode: voters === undefined ? 'lease' : 'quorum',
  };
}

/** It is there to be found; what is sent to it is read and dropped. */
async function takeNoNotice(self: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of self);
}
