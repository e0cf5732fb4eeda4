/** What our TypeScript leaves out, judged on the syntax tree: tests included. */
import ts from 'typescript';
import { judgeNodes, type Rule } from './tidy-file.ts';

const IS_CONFIG = /^[^/]+\.config\.ts$/;

export const noLooseTypes: Rule = {
  name: 'no-loose-types',
  check: (file) => judgeNodes(file, looseType),
};

export const noBannedSyntax: Rule = {
  name: 'no-banned-syntax',
  check: (file) =>
    judgeNodes(file, (node) => {
      if (isDefaultExport(node)) return IS_CONFIG.test(file.path) ? undefined : 'a default export';
      return bannedSyntax(node);
    }),
};

/** An empty catch hides a fault, unless a comment in it says why there is nothing to do. */
export const noEmptyCatch: Rule = {
  name: 'no-empty-catch',
  check: (file) =>
    judgeNodes(file, (node) => {
      if (!ts.isCatchClause(node) || node.block.statements.length > 0) return undefined;
      return /\/[/*]/.test(node.block.getText()) ? undefined : 'an empty catch without its reason';
    }),
};

/** A test that does not run looks like one that passes. */
export const noSkippedTests: Rule = {
  name: 'no-skipped-tests',
  check: (file) =>
    judgeNodes(file, (node) => {
      if (!ts.isPropertyAccessExpression(node) || !/^(test|it|describe)\b/.test(node.getText())) {
        return undefined;
      }
      const isSkip = ['only', 'skip', 'todo', 'skipIf', 'runIf', 'fails'].includes(node.name.text);
      return isSkip ? `${node.getText()}: a test runs and passes, or it is not there` : undefined;
    }),
};

function looseType(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any: say unknown and narrow it';
  if (ts.isNonNullExpression(node)) return 'a non-null assertion: narrow it';
  const isDefinite =
    (ts.isPropertyDeclaration(node) || ts.isVariableDeclaration(node)) &&
    node.exclamationToken !== undefined;
  return isDefinite ? 'a definite assignment assertion' : undefined;
}

function bannedSyntax(node: ts.Node): string | undefined {
  if (ts.isEnumDeclaration(node)) return 'an enum: use a union of literals';
  if (ts.isModuleDeclaration(node)) return 'a namespace: use a module';
  if (ts.isDecorator(node)) return 'a decorator';
  if (ts.isParameterPropertyDeclaration(node, node.parent)) return 'a parameter property';
  return undefined;
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  return node.kind === ts.SyntaxKind.DefaultKeyword && ts.isModifier(node);
}
