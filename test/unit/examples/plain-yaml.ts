/**
 * Reads as much of YAML as the manifests of the examples are written in: documents, maps and lists
 * by indentation, plain and double-quoted scalars, comments on lines of their own. Throws on all
 * else, so that what it reads is read the same way by every reader of YAML.
 */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

interface Line {
  readonly indent: number;
  readonly text: string;
}

const ENTRY = /^([A-Za-z][A-Za-z0-9_.-]*):(?: (.+))?$/;
/** Letters that begin something else than a plain scalar. */
const RESERVED = /^[&*!|>'%@`{[?#-](?!-)|: | #|:$/;

export function readYaml(text: string): readonly Yaml[] {
  if (text.includes('\t')) throw new Error('a tab');
  const documents = text.split(/^---$/m).map(linesOf);
  return documents.filter((lines) => lines.length > 0).map((lines) => readBlock([...lines], 0));
}

function linesOf(text: string): readonly Line[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*(#.*)?$/.test(line))
    .map((line) => ({ indent: line.length - line.trimStart().length, text: line.trim() }));
}

/** Takes the lines of one block from the front. */
function readBlock(lines: Line[], indent: number): Yaml {
  const [first] = lines;
  if (first?.indent !== indent) throw new Error(`indentation at: ${first?.text}`);
  return first.text.startsWith('- ') ? readList(lines, indent) : readMap(lines, indent);
}

function readList(lines: Line[], indent: number): Yaml {
  const items: Yaml[] = [];
  while (lines[0]?.indent === indent && lines[0].text.startsWith('- ')) {
    const text = lines[0].text.slice(2);
    if (ENTRY.test(text)) {
      lines[0] = { indent: indent + 2, text };
      items.push(readMap(lines, indent + 2));
    } else {
      lines.shift();
      items.push(readScalar(text));
    }
  }
  return items;
}

function readMap(lines: Line[], indent: number): Yaml {
  const map: Record<string, Yaml> = {};
  while (lines[0] !== undefined && lines[0].indent >= indent) {
    const { indent: found, text } = lines[0];
    const [, key, scalar] = ENTRY.exec(text) ?? [];
    if (found !== indent || key === undefined) throw new Error(`no entry: ${text}`);
    if (key in map) throw new Error(`twice: ${key}`);
    lines.shift();
    map[key] = scalar === undefined ? readBlock(lines, indent + 2) : readScalar(scalar);
  }
  return map;
}

function readScalar(text: string): Yaml {
  const [, quoted] = /^"([^"\\]*)"$/.exec(text) ?? [];
  if (quoted !== undefined) return quoted;
  if (text.startsWith('"') || RESERVED.test(text)) throw new Error(`no plain scalar: ${text}`);
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+$/.test(text) ? Number(text) : text;
}
