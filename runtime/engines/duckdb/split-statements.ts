// A text → its statements, at semicolons outside quotes and comments; and what of it is code. Lexical rules as in DuckDB's
// scanner: '…' with '' inside, E'…' with backslashes, "…", $tag$…$tag$, -- and nested /* */ comments; a word may hold
// `$`, and no quote begins inside one. Pure.

export interface SplitText {
  /** Complete statements, without their semicolons and surrounding space; empty ones are left out. */
  readonly statements: readonly string[]
  /** What follows the last semicolon, trimmed. */
  readonly rest: string
}

export function splitStatements(text: string): SplitText {
  const statements: string[] = []
  let start = 0
  let at = 0
  while (at < text.length) {
    if (text[at] === ';') {
      const statement = text.slice(start, at).trim()
      if (hasCode(statement)) statements.push(statement)
      start = at + 1
    }
    at = tokenEnd(text, at)
  }
  return { statements, rest: text.slice(start).trim() }
}

/** Half-open, in UTF-16 code units. */
export interface TextRange {
  readonly start: number
  readonly end: number
}

/** Where quoted texts, quoted names and comments are, in their order. */
export function quotedRanges(text: string): TextRange[] {
  const ranges: TextRange[] = []
  let at = 0
  while (at < text.length) {
    const end = tokenEnd(text, at)
    if (end > at + 1) ranges.push({ start: at, end })
    at = end
  }
  return ranges
}

/** Whether anything but comments and space is in `text`. */
export function hasCode(text: string): boolean {
  let at = 0
  while (at < text.length) {
    const isComment = text.startsWith('--', at) || text.startsWith('/*', at)
    if (!isComment && !/\s/.test(text[at] ?? ' ')) return true
    at = tokenEnd(text, at)
  }
  return false
}

/** The text without comments, each of which becomes a space; with `values` 'left out' also without texts in quotes ('…', $$…$$). */
export function codeOf(text: string, values: 'kept' | 'left out'): string {
  let code = ''
  for (let at = 0; at < text.length; ) {
    const end = tokenEnd(text, at)
    const token = text.slice(at, end)
    if (token.startsWith('--') || token.startsWith('/*')) code += ' '
    else if (values === 'left out' && /^(?:[eE]?'|\$[^$]*\$)/.test(token)) code += "''"
    else code += token
    at = end
  }
  return code
}

/** Of a word, beside its first: what is beyond ASCII, but for what the engine takes for a space. */
const LETTERS =
  '\\w\\u0080-\\u009f\\u00a1-\\u1fff\\u200c-\\u202e\\u2030-\\u205e\\u2061-\\u2fff\\u3001-\\ufefe\\uff00-\\uffff'
const WORD = new RegExp(`(?!\\d)[${LETTERS}][${LETTERS}$]*`, 'y')
const TAG = new RegExp(`\\$(?:(?!\\d)[${LETTERS}]+)?\\$`, 'y')
const PARAMETER = /\$\d+/y
const DIGITS = '\\d+(?:_\\d+)*'
/** `1a$$` is a number and a word, `1e'…'` a number and a text with backslashes. */
const NUMBER = new RegExp(`(?:${DIGITS}(?:\\.(?!\\.)(?:${DIGITS})?)?|\\.${DIGITS})(?:[eE][+-]?\\d+)?`, 'y')

const matchAt = (pattern: RegExp, text: string, at: number): string => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

/** The offset after the word, quoted text, comment or single character that starts at `at`. */
function tokenEnd(text: string, at: number): number {
  const c = text[at] ?? ''
  if (c === "'") return quotedEnd(text, at, "'", false)
  if ((c === 'e' || c === 'E') && text[at + 1] === "'") return quotedEnd(text, at + 1, "'", true)
  if (c === '"') return quotedEnd(text, at, '"', false)
  if (c === '-' && text[at + 1] === '-') return lineEnd(text, at)
  if (c === '/' && text[at + 1] === '*') return commentEnd(text, at)
  if (c === '$') {
    const tag = matchAt(TAG, text, at)
    return tag === '' ? at + Math.max(1, matchAt(PARAMETER, text, at).length) : endOf(text, tag, at + tag.length)
  }
  return at + Math.max(1, matchAt(WORD, text, at).length || matchAt(NUMBER, text, at).length)
}

function quotedEnd(text: string, at: number, quote: string, backslashes: boolean): number {
  for (let i = at + 1; i < text.length; i++) {
    if (backslashes && text[i] === '\\') i++
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1
      i++
    }
  }
  return text.length
}

function commentEnd(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length; i++) {
    if (text.startsWith('/*', i)) {
      depth++
      i++
    } else if (text.startsWith('*/', i)) {
      depth--
      i++
      if (depth === 0) return i + 1
    }
  }
  return text.length
}

/** A line ends with either of its characters. */
function lineEnd(text: string, at: number): number {
  const length = text.slice(at).search(/[\n\r]/)
  return length === -1 ? text.length : at + length
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found === -1 ? text.length : found + mark.length
}
