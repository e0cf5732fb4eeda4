/** All rules that look at one file at a time. */
import { importLaw } from './import-law.ts';
import { noBannedSyntax, noEmptyCatch, noLooseTypes, noSkippedTests } from './language-rules.ts';
import {
  fileNames,
  noLooseEnds,
  noMachinePaths,
  noSilencedCompiler,
  typeNames,
} from './name-rules.ts';
import {
  fileHead,
  fileSize,
  functionSize,
  lineLength,
  paperSize,
  parameterCount,
} from './shape-rules.ts';
import type { Rule } from './tidy-file.ts';
import { noWorld } from './world-rules.ts';

export const RULES: readonly Rule[] = [
  importLaw,
  noWorld,
  fileSize,
  paperSize,
  functionSize,
  parameterCount,
  lineLength,
  fileHead,
  fileNames,
  typeNames,
  noLooseTypes,
  noBannedSyntax,
  noEmptyCatch,
  noSkippedTests,
  noLooseEnds,
  noMachinePaths,
  noSilencedCompiler,
];
