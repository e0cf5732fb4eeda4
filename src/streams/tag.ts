/** The rules of tags. */
import { BarrelError } from '../errors.ts';
import { TAG_BYTES_MAX } from './stream-limits.ts';

/** For streams of the library itself. */
const RESERVED = 'barrel:';

/** @throws ERR_OPTION when the tag breaks the rules. */
export function checkTag(tag: string): void {
  const fault = faultOf(tag);
  if (fault !== undefined) throw new BarrelError('ERR_OPTION', `the tag of a stream ${fault}`);
}

function faultOf(tag: unknown): string | undefined {
  if (typeof tag !== 'string') return `must be a string, received ${typeof tag}`;
  if (/\p{Surrogate}/u.test(tag)) return 'must be text without halves of surrogate pairs';
  const { length } = new TextEncoder().encode(tag);
  if (length === 0 || length > TAG_BYTES_MAX) {
    return `has 1 to ${TAG_BYTES_MAX} bytes, received ${length}`;
  }
  return tag.startsWith(RESERVED)
    ? `must not begin with ${RESERVED}, which is reserved`
    : undefined;
}
