/** `barrel cp`: copies a file to another node, through a running one. */
import { basename, resolve } from 'node:path';
import type { FileEventReport } from '../admin/file-queries.ts';
import { type AskSettings, ask } from './ask.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { Progress } from './simulate-progress.ts';

export interface CopySettings extends AskSettings {
  readonly force?: boolean;
}

type Copied = Extract<FileEventReport, { type: 'copied' }>;

/** Prints the checksum as `sha256sum` does; a bar goes to stderr where that is a terminal. */
export async function copyFile(
  file: string,
  destination: string,
  settings: CopySettings,
): Promise<void> {
  const { node, target } = parseDestination(destination, file);
  const words = { file: resolve(file), node, target, force: settings.force === true };
  const isSilent = settings.json === true || process.stderr.isTTY !== true;
  const progress = isSilent ? undefined : new Progress(process.stderr, basename(file));
  const copied = await ask(settings, async (client) => {
    let last: Copied | undefined;
    try {
      for await (const event of client.sendFile(words)) {
        if (event.type === 'copied') last = event;
        else progress?.tell(event.bytes / event.size);
      }
    } finally {
      progress?.end();
    }
    return last;
  });
  if (copied === undefined) throw new Error('the node did not say that the file was copied');
  const { bytes, sha256 } = copied;
  if (settings.json === true) console.log(JSON.stringify({ node, target, bytes, sha256 }));
  else console.log(`${sha256}  ${node}:${target}`);
}

export interface Destination {
  readonly node: string;
  readonly target: string;
}

/** `b@host:folder/file`; a folder, or nothing, stands for the name of the file in it. */
export function parseDestination(text: string, file: string): Destination {
  // The host may be an IPv6 address in brackets, with colons of its own.
  const [, node, path] = /^([^@]+@(?:\[[^\]]*\]|[^:[\]]+)):(.*)$/s.exec(text) ?? [];
  if (node === undefined || path === undefined) {
    throw new CommandError(EXIT.usage, `a destination is name@host:path, not ${text}`);
  }
  const isFolder = path === '' || path.endsWith('/');
  return { node, target: isFolder ? `${path}${basename(file)}` : path };
}
