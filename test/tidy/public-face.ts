/**
 * The public face: `index.ts` names each export, and each declaration behind such a name has a
 * doc comment, because that sentence is what a user's editor shows.
 */
import ts from 'typescript';
import { at, type Finding, type TidyFile } from './tidy-file.ts';

export function checkPublicFace(
  index: TidyFile,
  files: ReadonlyMap<string, TidyFile>,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const statement of index.tree?.statements ?? []) {
    if (!ts.isExportDeclaration(statement)) continue;
    const source = statement.moduleSpecifier;
    const names = statement.exportClause;
    if (names === undefined || !ts.isNamedExports(names)) {
      findings.push(at(index, statement, 'exports by name only'));
    } else if (source !== undefined && ts.isStringLiteral(source)) {
      const target = files.get(resolve(index.path, source.text));
      for (const element of names.elements) {
        findings.push(...checkName(target, (element.propertyName ?? element.name).text, files));
      }
    }
  }
  return findings;
}

function checkName(
  file: TidyFile | undefined,
  name: string,
  files: ReadonlyMap<string, TidyFile>,
): readonly Finding[] {
  if (file?.tree === undefined) return [];
  for (const statement of file.tree.statements) {
    if (declares(statement, name)) {
      const isDocumented = ts.getJSDocCommentsAndTags(statement).length > 0;
      return isDocumented ? [] : [at(file, statement, `${name} is public and has no doc comment`)];
    }
    const onward = reexport(statement, name);
    if (onward !== undefined) {
      return checkName(files.get(resolve(file.path, onward.source)), onward.name, files);
    }
  }
  return [];
}

function declares(statement: ts.Statement, name: string): boolean {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.some((one) => one.name.getText() === name);
  }
  const isDeclaration =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isDeclaration && statement.name?.text === name;
}

function reexport(
  statement: ts.Statement,
  name: string,
): { readonly source: string; readonly name: string } | undefined {
  if (!ts.isExportDeclaration(statement)) return undefined;
  const { exportClause, moduleSpecifier } = statement;
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) return undefined;
  const element = exportClause.elements.find((one) => one.name.text === name);
  if (element === undefined || moduleSpecifier === undefined) return undefined;
  if (!ts.isStringLiteral(moduleSpecifier)) return undefined;
  return { source: moduleSpecifier.text, name: (element.propertyName ?? element.name).text };
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
