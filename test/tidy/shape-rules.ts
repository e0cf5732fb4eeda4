/** Sizes: files, functions, parameter lists, lines. The aims stand in CONTRIBUTING.md. */
import ts from 'typescript';
import { at, atOffset, type Finding, judgeNodes, type Rule } from './tidy-file.ts';

export const FILE_LINES_MAX = 400;
/** For the core of a paper, when the exceptions list it. */
export const PAPER_LINES_MAX = 500;
export const TEST_FILE_LINES_MAX = 800;
export const FUNCTION_LINES_MAX = 70;
export const LINE_CHARS_MAX = 100;
export const PARAMETERS_MAX = 3;

const CODE = /\.(ts|tsx|js|mjs)$/;
/** Functions here are judged one by one; a test's callback may hold many cases. */
const JUDGED_FUNCTIONS = /^(src|bench|examples)\//;
/** The name of a test is a statement, and the formatter leaves it on one line. */
const NAMED_TEST = /^\s*(test|describe)\(/;

export const fileSize: Rule = {
  name: 'file-size',
  check({ path, text }) {
    if (!CODE.test(path)) return [];
    const max = path.startsWith('test/') ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
    const lines = countLines(text);
    if (lines <= max) return [];
    return [{ path, line: 1, message: `${lines} lines, at most ${max}` }];
  },
};

export const paperSize: Rule = {
  name: 'paper-size',
  check({ path, text }) {
    if (!path.startsWith('src/')) return [];
    const lines = countLines(text);
    if (lines <= PAPER_LINES_MAX) return [];
    return [{ path, line: 1, message: `${lines} lines, at most ${PAPER_LINES_MAX} ever` }];
  },
};

export const functionSize: Rule = {
  name: 'function-size',
  check(file) {
    const tree = file.tree;
    if (tree === undefined || !JUDGED_FUNCTIONS.test(file.path)) return [];
    return judgeNodes(file, (node) => {
      if (!ts.isFunctionLike(node)) return undefined;
      const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
      const lines = tree.getLineAndCharacterOfPosition(node.getEnd()).line - first + 1;
      if (lines <= FUNCTION_LINES_MAX) return undefined;
      return `a function of ${lines} lines, at most ${FUNCTION_LINES_MAX}`;
    });
  },
};

export const parameterCount: Rule = {
  name: 'parameter-count',
  check(file) {
    if (!file.path.startsWith('src/')) return [];
    return judgeNodes(file, (node) => {
      // The shape of a callback is not ours but its caller's.
      if (!ts.isFunctionLike(node) || ts.isCallExpression(node.parent)) return undefined;
      const count = node.parameters.length - (hasTrailingOptions(node) ? 1 : 0);
      if (count <= PARAMETERS_MAX) return undefined;
      return `${count} parameters, at most ${PARAMETERS_MAX}: take an object`;
    });
  },
};

export const lineLength: Rule = {
  name: 'line-length',
  check(file) {
    if (!CODE.test(file.path)) return [];
    const findings: Finding[] = [];
    let offset = 0;
    for (const line of file.text.split('\n')) {
      if (line.length > LINE_CHARS_MAX && !NAMED_TEST.test(line)) {
        findings.push(atOffset(file, offset + 1, `${line.length} characters wide`));
      }
      offset += line.length + 1;
    }
    return findings;
  },
};

/** One short paragraph at the top: what the file is and why it is there. */
export const fileHead: Rule = {
  name: 'file-head',
  check(file) {
    if (!/^(src|bench|examples)\/.*\.(ts|mjs)$/.test(file.path)) return [];
    if (/^(#!.*\n)?\s*\/\*\*/.test(file.text)) return [];
    return file.tree === undefined ? [] : [at(file, file.tree, 'no doc comment at the head')];
  },
};

/** What every call that can wait takes at its end. */
function hasTrailingOptions(node: ts.SignatureDeclaration): boolean {
  return /^_?(options|signal)$/.test(node.parameters.at(-1)?.name.getText() ?? '');
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
