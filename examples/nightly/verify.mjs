/** Judges the file and what was told about it. Each fault is a sentence; none means all is well. */

/** `lines`: of the file; `told`: what the nodes said became of theirs. */
export function faultsOf(lines, told) {
  return [...disorder(lines), ...sharedTerms(lines), ...untruths(lines, told)];
}

/** How many terms wrote into the file. */
export function termsOf(lines) {
  return new Set(lines.map(({ fence }) => fence)).size;
}

function* disorder(lines) {
  for (const [at, { fence, text }] of lines.entries()) {
    const before = lines[at - 1]?.fence;
    if (before === undefined || fence >= before) continue;
    yield `line ${at + 1} (${text}) has the fence ${fence}, the line before it ${before}`;
  }
}

/** A fence is of one process. */
function* sharedTerms(lines) {
  const writers = new Map();
  for (const { fence, text } of lines) {
    const [writer] = text.split(', step ');
    const known = writers.get(fence) ?? writer;
    writers.set(fence, known);
    if (known !== writer) yield `the fence ${fence} is of ${known} and of ${writer}`;
  }
}

/** What was told to be written is there, what was refused is not. */
function* untruths(lines, told) {
  const there = new Set(lines.map(inWords));
  for (const one of told) {
    const { type, line } = one;
    const words = inWords(one);
    const isLost = type === 'wrote' && inWords(lines[line - 1] ?? {}) !== words;
    if (isLost) yield `line ${line} is lost: ${words}`;
    if (type === 'refused' && there.has(words)) yield `was refused, and is there: ${words}`;
  }
}

/** The steps of a process begin anew in each of its terms. */
function inWords({ fence, text }) {
  return `${text}, fence ${fence}`;
}
