/** Names that say nothing, and words that must not be committed. */
import ts from 'typescript';
import { atOffset, type Finding, judgeNodes, type Rule, type TidyFile } from './tidy-file.ts';

const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config|\.d)?\.[a-z]+$/;
const EMPTY_WORDS = /^(utils?|helpers?|managers?|common|misc|impl|shared)$/;
const EMPTY_TYPE = /(Utils?|Helpers?|Managers?|Impl)$/;
/** Words that only look like the prefix `I`. */
const HONEST_I = /^(IHave|IPv[46])/;

export const fileNames: Rule = {
  name: 'file-names',
  check({ path }) {
    const parts = path.split('/');
    const file = parts.at(-1) ?? '';
    if (!/\.(ts|tsx|mjs|js)$/.test(file)) return [];
    const empty = parts
      .flatMap((part) => part.split(/[-.]/))
      .find((word) => EMPTY_WORDS.test(word));
    if (empty !== undefined) return [{ path, line: 1, message: `${empty} says nothing` }];
    if (FILE_NAME.test(file)) return [];
    return [{ path, line: 1, message: 'not in kebab-case' }];
  },
};

export const typeNames: Rule = {
  name: 'type-names',
  check: (file) =>
    judgeNodes(file, (node) => {
      const isType =
        ts.isClassDeclaration(node) ||
        ts.isInterfaceDeclaration(node) ||
        ts.isTypeAliasDeclaration(node);
      const name = isType ? (node.name?.text ?? '') : '';
      if (EMPTY_TYPE.test(name)) return `${name}: its last word says nothing`;
      const isPrefixed = /^I[A-Z][a-z]/.test(name) && !HONEST_I.test(name);
      return isPrefixed ? `${name}: no prefix for interfaces` : undefined;
    }),
};

/** Work left for later has the number of its issue: `TODO(#12)`. */
export const noLooseEnds: Rule = {
  name: 'no-loose-ends',
  check: (file) => everyMatch(file, LOOSE_END, 'work left without the number of an issue'),
};

/** The person who clones this has other folders. */
export const noMachinePaths: Rule = {
  name: 'no-machine-paths',
  check: (file) => everyMatch(file, MACHINE_PATH, 'the path of one machine'),
};

/** Errors of the compiler are mended, not silenced. Tests may show that a wrong use is refused. */
export const noSilencedCompiler: Rule = {
  name: 'no-silenced-compiler',
  check(file) {
    const isTest = file.path.startsWith('test/');
    return everyMatch(file, isTest ? SILENCED_IN_TESTS : SILENCED, 'a silenced compiler error');
  },
};

// Put together from pieces, so that these rules hold for the files that state them.
const LOOSE_END = new RegExp(`\\b(${'TO'}DO|${'FIX'}ME|${'X'}XX)\\b(?!\\(#\\d+\\))`, 'g');
const MACHINE_PATH = /(?<![\w.$}-])\/(?:work|root|home|tmp|Users)\/[\w.-]/g;
const SILENCED = new RegExp(`@${'ts'}-(ignore|nocheck|expect-error)`, 'g');
const SILENCED_IN_TESTS = new RegExp(`@${'ts'}-(ignore|nocheck)`, 'g');

function everyMatch(file: TidyFile, pattern: RegExp, what: string): readonly Finding[] {
  return [...file.text.matchAll(pattern)].map((match) =>
    atOffset(file, match.index + 1, `${what}: ${match[0]}`),
  );
}
