/** All connections of a transport, by the ids under which datagrams find them. */
export class ConnectionTable<T> {
  readonly #byId = new Map<string, T>();
  readonly #ids = new Map<T, Set<string>>();

  get size(): number {
    return this.#ids.size;
  }

  all(): IterableIterator<T> {
    return this.#ids.keys();
  }

  find(id: string): T | undefined {
    return this.#byId.get(id);
  }

  add(connection: T, ids: readonly string[]): void {
    const known = this.#ids.get(connection) ?? new Set();
    this.#ids.set(connection, known);
    for (const id of ids) {
      known.add(id);
      this.#byId.set(id, connection);
    }
  }

  /** That id no longer leads to the connection. */
  deleteId(connection: T, id: string): void {
    if (this.#ids.get(connection)?.delete(id) === true) this.#byId.delete(id);
  }

  delete(connection: T): void {
    for (const id of this.#ids.get(connection) ?? []) this.#byId.delete(id);
    this.#ids.delete(connection);
  }
}
