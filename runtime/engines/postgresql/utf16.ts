// Offsets of PostgreSQL's parser, which counts bytes of UTF-8 → offsets in a text. Pure.

/** Ask in any order; a text of ASCII costs nothing. */
export function utf16At(text: string): (byte: number) => number {
  if (/^[\0-\x7f]*$/.test(text)) return (byte) => byte
  const bytes = Buffer.from(text)
  return (byte) => bytes.subarray(0, byte).toString().length
}

/** The same for a position that a server names: characters, from 1 on. */
export const utf16OfPosition = (text: string, position: number): number =>
  [...text].slice(0, position - 1).join('').length
