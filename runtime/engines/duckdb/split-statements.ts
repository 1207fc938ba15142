// A person's text → its statements, at semicolons outside quotes and comments. Lexical rules as in DuckDB's scanner:
// '…' with '' inside, E'…' with backslashes, "…", $tag$…$tag$, -- and nested /* */ comments. Pure.

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

/** The offset after the quoted text, comment or single character that starts at `at`. */
function tokenEnd(text: string, at: number): number {
  const c = text[at] ?? ''
  if (c === "'") return quotedEnd(text, at, "'", /[eE]/.test(text[at - 1] ?? '') && !/\w/.test(text[at - 2] ?? ''))
  if (c === '"') return quotedEnd(text, at, '"', false)
  if (c === '-' && text[at + 1] === '-') return endOf(text, '\n', at)
  if (c === '/' && text[at + 1] === '*') return commentEnd(text, at)
  const tag =
    c === '$' && !/\w/.test(text[at - 1] ?? '')
      ? /^\$(?:[A-Za-z_]\w*)?\$/.exec(text.slice(at, at + 64))?.[0]
      : undefined
  if (tag !== undefined) return endOf(text, tag, at + tag.length)
  return at + 1
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

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found === -1 ? text.length : found + mark.length
}
