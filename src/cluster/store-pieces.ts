/** Large changes of a durable store in pieces: batches that it takes beside what waits there. */
import { bytesOfOperation, type DurableStore, type StoreOperation } from '../host/durable-store.ts';
import { STORE_GROUP_BYTES_MAX, STORE_WAITING_BYTES_MAX } from '../limits.ts';

/** Writes them in their order, but not as one. @throws ERR_STORE, ERR_CLOSED. */
export async function writeInPieces(
  store: DurableStore,
  operations: readonly StoreOperation[],
): Promise<void> {
  for (const piece of inPieces(operations)) {
    await roomForPiece(store);
    await store.batch(piece);
  }
}

/** Waits, where the disk has too much to do, until what waits there by now is through. */
export async function roomForPiece(store: DurableStore): Promise<void> {
  if (store.waitingBytes + STORE_GROUP_BYTES_MAX <= STORE_WAITING_BYTES_MAX) return;
  // Whoever handed that over is told of its failure.
  await store.batch([]).catch(() => {});
}

function* inPieces(operations: readonly StoreOperation[]): Generator<readonly StoreOperation[]> {
  let piece: StoreOperation[] = [];
  let bytes = 0;
  for (const operation of operations) {
    const more = bytesOfOperation(operation);
    if (piece.length > 0 && bytes + more > STORE_GROUP_BYTES_MAX) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(operation);
    bytes += more;
  }
  if (piece.length > 0) yield piece;
}
