/**
 * Files that several processes keep in one directory to tell of each other. The directory may be
 * open to others: what somebody else has put there must not be followed, waited for or believed.
 */
import type { Files } from './files.ts';

export interface EndpointFile {
  readonly content: Uint8Array;
  /** When it was last written or touched, by the clock of the file system. */
  readonly modifiedMs: number;
}

export interface EndpointFiles extends Pick<Files, 'write' | 'remove' | 'list' | 'makeDirectory'> {
  /**
   * A regular file of at most `bytesMax` that this user owns, or the administrator. Undefined for
   * one that is missing, and for all others: links, pipes, larger ones, those of other users.
   */
  readOwn(path: string, bytesMax: number): Promise<EndpointFile | undefined>;
  /** Makes a file young again; false when it is not there. */
  touch(path: string): Promise<boolean>;
}
