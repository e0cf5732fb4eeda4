/** What comes from the cluster, as text for a terminal: nothing in it may be a command there. */

/** Control and format characters, but for the line ends of an indent. */
const ACTING = /(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** As JSON, on one line without an indent; what would act is escaped. */
export function jsonText(value: unknown, indent?: number): string {
  return (JSON.stringify(value, undefined, indent) ?? 'undefined').replaceAll(ACTING, escaped);
}

/** A text of people, on one line; what would act is a space. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
