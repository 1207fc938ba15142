// Text for a person: pieces with an optional style, escaped at the end. Whatever comes from outside (names, messages,
// values) may hold control characters; they are shown as `\u001b`, never sent to the terminal. Pure.

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan'
export interface Styled {
  readonly style: Style
  readonly text: string
}
export type Text = string | Styled | readonly Text[]

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
}

export const styled = (style: Style, text: string): Styled => ({ style, text })

/** Control characters except line feed and tab, and the characters that reorder text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

export const escaped = (text: string): string =>
  text.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** On one line: line feeds and tabs are shown as `\n` and `\t` too. */
export const oneLine = (text: string): string => escaped(text.replaceAll('\n', '\\n').replaceAll('\t', '\\t'))

/** Line feeds are shown as `\n`; tabs stay, as in an author's SQL. */
const withoutBreaks = (text: string): string => escaped(text.replaceAll('\n', '\\n'))

/** `lines`: whether the text may have several. */
export function rendered(text: Text, color: boolean, lines: 'one' | 'several' = 'several'): string {
  const shown = lines === 'one' ? withoutBreaks : escaped
  if (typeof text === 'string') return shown(text)
  if (!('style' in text)) return text.map((piece) => rendered(piece, color, lines)).join('')
  const [on, off] = CODES[text.style]
  return color ? `\u001b[${on}m${shown(text.text)}\u001b[${off}m` : shown(text.text)
}

/** `1 node`, `3 nodes`. */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : plural}`

/** `340 ms`, `3.2 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** `12,345`. */
export const thousands = (value: number | bigint): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',')

/** `1 row`, `12,345 rows`. */
export const rowCount = (rows: number | bigint): string => `${thousands(rows)} ${Number(rows) === 1 ? 'row' : 'rows'}`

/** `512 B`, `1.5 MB`. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** A message as a sentence of its own: with a capital, unless it begins with a name, and a full stop. */
export function sentence(message: string): string {
  const begun = /^[a-z]+[ ,]/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message
  return /[\w')\]`]$/.test(begun) && !begun.includes('\n') ? `${begun}.` : begun
}
