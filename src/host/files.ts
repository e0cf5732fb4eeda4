/**
 * The few file operations that identity, pins and discovery need. All paths are absolute; all
 * errors are the system's own, with their `code` (`ENOENT`, `EACCES` ...).
 */
export interface FileStatus {
  /** Permission bits, e.g. 0o600. */
  readonly mode: number;
  readonly bytes: number;
}

export interface Files {
  /** Content of a file, or undefined when it does not exist. */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces a file as a whole and durably: written beside it with mode 0600 from its first byte,
   * synced, renamed over it, directory synced. After a crash the old or the new content is there.
   */
  write(path: string, content: Uint8Array): Promise<void>;
  /** Durable; no error when the file is not there. */
  remove(path: string): Promise<void>;
  /** Names in a directory, sorted; empty when it does not exist. */
  list(directory: string): Promise<readonly string[]>;
  /** Creates a directory and its parents with mode 0700; one that exists keeps its mode. */
  makeDirectory(directory: string): Promise<void>;
  status(path: string): Promise<FileStatus | undefined>;
}
