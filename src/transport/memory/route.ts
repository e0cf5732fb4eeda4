/** The way between the two ends of a simulated connection: it changes when an end moves. */
import type { Address } from '../../core/names.ts';
import type { SimulatedNetwork } from './network.ts';
import type { Path, PathUser } from './path.ts';

export interface RouteOptions {
  readonly network: SimulatedNetwork;
  readonly user: PathUser;
  /** The connection uses that local address, or no longer. */
  readonly hold: (local: Address) => void;
  readonly release: (local: Address) => void;
}

export class Route {
  readonly #options: RouteOptions;
  #out: Path;
  #in: Path;

  constructor(options: RouteOptions, local: Address, remote: Address) {
    const { network, user, hold } = options;
    this.#options = options;
    this.#out = network.path(local, remote);
    this.#in = network.path(remote, local);
    this.#out.users.add(user);
    this.#in.users.add(user);
    hold(local);
  }

  get out(): Path {
    return this.#out;
  }

  get in(): Path {
    return this.#in;
  }

  /** Where the peer speaks from, though it was not known to be there. */
  get stray(): Address | undefined {
    return this.#in.from === this.#out.to ? undefined : this.#in.from;
  }

  moveTo(local: Address, remote: Address): void {
    const { network } = this.#options;
    this.#use(network.path(local, remote), network.path(remote, local));
  }

  /** This end speaks from another address; what the peer sends goes where it went. */
  speakFrom(local: Address): void {
    this.#use(this.#options.network.path(local, this.#out.to), this.#in);
  }

  /** The peer speaks from another address. */
  hearFrom(remote: Address): void {
    this.#use(this.#out, this.#options.network.path(remote, this.#out.from));
  }

  close(): void {
    this.#options.release(this.#out.from);
    for (const path of [this.#out, this.#in]) this.#leave(path);
  }

  #use(out: Path, back: Path): void {
    const { user, hold, release } = this.#options;
    const left = [this.#out, this.#in].filter((path) => path !== out && path !== back);
    hold(out.from);
    release(this.#out.from);
    this.#out = out;
    this.#in = back;
    out.users.add(user);
    back.users.add(user);
    for (const path of left) this.#leave(path);
  }

  #leave(path: Path): void {
    path.users.delete(this.#options.user);
    this.#options.network.releasePath(path);
  }
}
