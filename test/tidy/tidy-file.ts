/**
 * One file of the repository as the tidy rules see it: path, text, and for TypeScript and
 * JavaScript the syntax tree. A rule is a function from such a file to what is wrong with it.
 */
import ts from 'typescript';

export interface TidyFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile | undefined;
}

export interface Finding {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  readonly name: string;
  check(file: TidyFile): readonly Finding[];
}

export function tidyFile(path: string, text: string): TidyFile {
  const isCode = /\.(ts|tsx|js|mjs|cjs)$/.test(path);
  const kind = /\.tsx?$/.test(path) ? ts.ScriptKind.TS : ts.ScriptKind.JS;
  const tree = isCode
    ? ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind)
    : undefined;
  return { path, text, tree };
}

/** A finding at a node of the tree. */
export function at(file: TidyFile, node: ts.Node, message: string): Finding {
  const start = file.tree === undefined ? 0 : node.getStart(file.tree);
  return { path: file.path, line: lineAt(file.text, start), message };
}

/** A finding at an offset of the text. */
export function atOffset(file: TidyFile, offset: number, message: string): Finding {
  return { path: file.path, line: lineAt(file.text, offset), message };
}

/** Every node of the file's tree, outer before inner; nothing for a file without one. */
export function* nodesOf(file: TidyFile): Generator<ts.Node> {
  if (file.tree === undefined) return;
  const waiting: ts.Node[] = [file.tree];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    const children: ts.Node[] = [];
    ts.forEachChild(node, (child) => void children.push(child));
    waiting.push(...children.reverse());
  }
}

/** Findings of one predicate over all nodes: the message, or undefined where all is well. */
export function judgeNodes(
  file: TidyFile,
  judge: (node: ts.Node) => string | undefined,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const node of nodesOf(file)) {
    const message = judge(node);
    if (message !== undefined) findings.push(at(file, node, message));
  }
  return findings;
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < offset; i = text.indexOf('\n', i + 1)) line += 1;
  return line;
}
