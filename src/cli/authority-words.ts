/** The words of `barrel authority` and where they lead. */
import { type Command, Option } from 'commander';
import type { AskSettings } from './ask.ts';
import {
  type IssueSettings,
  initAuthority,
  issueCertificate,
  type KeySettings,
  type ListSettings,
  listAuthority,
  type RevokeSettings,
  renewCertificate,
  revokeCertificate,
} from './authority.ts';
import { dataDirOption, integer, jsonOption } from './node-settings.ts';

const NAMES = `
<pattern> is name@host; each half may end with a star: web-*@*, *@rack1, db@host.`;

export function addAuthority(program: Command): void {
  const authority = program
    .command('authority')
    .description("Operator's key: certificates for nodes, and their revocation.");
  addInit(authority);
  addIssue(authority);
  addRevoke(authority);
  addList(authority);
}

function addInit(authority: Command): void {
  authority
    .command('init')
    .description("Make an operator's or issuer's key: <file> (mode 0600) and <file>.pub.")
    .addOption(keyOption())
    .addOption(jsonOption())
    .action((settings: KeySettings) => initAuthority(settings));
}

function addIssue(authority: Command): void {
  authority
    .command('issue')
    .description('Print a certificate for the key of a node, or write it to a file.')
    .addOption(keyOption())
    .requiredOption('--name <pattern>', 'names that the node may have')
    .requiredOption('--public-key <key>', 'of the node: base64, or a file such as node.pub')
    .addOption(new Option('--days <n>', 'how long it counts').argParser(integer).default(90))
    .option('--issuer', 'the key may issue for these names, and is no node')
    .option('--issuer-certificate <file>', 'of the issuer, when --key is the key of one')
    .option('--out <file>', 'where the certificate goes')
    .addOption(jsonOption())
    .addHelpText('after', NAMES)
    .action((settings: IssueSettings) => issueCertificate(settings));
  authority
    .command('renew')
    .description('Show another certificate in new connections from now on, without a restart.')
    .argument('<file>', 'what `barrel authority issue` has made for the same key')
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .action((file: string, settings: AskSettings) => renewCertificate(file, settings));
}

function addRevoke(authority: Command): void {
  authority
    .command('revoke')
    .description('Revoke a certificate or a key, in the whole cluster and for good.')
    .argument('<serial|key>', 'serial of a certificate; or a key: base64, or a file')
    .addOption(keyOption())
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .action((word: string, settings: RevokeSettings) => revokeCertificate(word, settings));
}

function addList(authority: Command): void {
  authority
    .command('list')
    .description('List what was issued with a key, and what is revoked as a node knows it.')
    .addOption(new Option('--key <file>', 'private key, beside which it is noted'))
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .action((settings: ListSettings) => listAuthority(settings));
}

function keyOption(): Option {
  return new Option('--key <file>', "operator's or issuer's private key").default('authority.key');
}
