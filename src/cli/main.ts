#!/usr/bin/env node
/** Entry of the `barrel` command. */
import { readFileSync } from 'node:fs';
import { runProgram } from './program.ts';

const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(manifest) as { readonly version: string };

// Set and not called with: what was written to a pipe must get out first.
void runProgram({ words: process.argv.slice(2), version }).then((exitCode) => {
  process.exitCode = exitCode;
});
