// SQL text → tokens, by the lexical rules of DuckDB: nested comments, E'' and dollar-quoted strings, quoted
// identifiers. Placeholders (`{{ name }}`) are units wherever they stand, also when they hold quotes. Tokens and the
// white space between them make up the whole text. Never fails: what is not closed ends with the text.

export type TokenKind =
  /** Unquoted identifier or keyword. */
  | 'word'
  /** Quoted identifier. */
  | 'quoted'
  /** `'…'`, `E'…'`, `X'…'`, `B'…'` or `$tag$…$tag$`. */
  | 'string'
  | 'number'
  /** `$1`, `$name`. */
  | 'parameter'
  | 'operator'
  /** One of `( ) [ ] { } , ; .` */
  | 'punctuation'
  | 'comment'
  | 'placeholder'

/** Half-open range in UTF-16 code units. */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface Token extends Range {
  readonly kind: TokenKind
  /** Placeholders inside a string or quoted identifier. */
  readonly placeholders: readonly Range[]
}

const NONE: readonly Range[] = []
const SPACE = /[\s\u00a0\u2000-\u200b\ufeff]+/y
const LINE_COMMENT = /--[^\n\r]*/y
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const NUMBER = /0[xX][\da-fA-F_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y
const OPERATOR = /::|:=|(?:(?!--|\/\*)[~!@#^&|`?+\-*/%<>=])+|:/y
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const PARAMETER = /\$\w+/y
/** In a string, text in braces that does not begin like a name is just text. */
const PLACEHOLDER_IN_STRING = /\{\{\s*[A-Za-z_][^{}]*\}\}/y
const PLACEHOLDER = /\{\{[^{}]*\}\}/y

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : -1
}

/** All tokens, comments included, in order. Pure. */
export function lex(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const space = matchAt(SPACE, text, at)
    if (space > at) {
      at = space
      continue
    }
    const token = tokenAt(text, at)
    tokens.push(token)
    at = token.end
  }
  return tokens
}

/** Whether there is more than comments and semicolons. Pure. */
export function hasSql(text: string): boolean {
  let at = 0
  while (at < text.length) {
    const start = Math.max(at, matchAt(SPACE, text, at))
    if (start === text.length) return false
    const token = tokenAt(text, start)
    if (token.kind !== 'comment' && text[start] !== ';') return true
    at = token.end
  }
  return false
}

function tokenAt(text: string, start: number): Token {
  const token = (kind: TokenKind, end: number, placeholders = NONE): Token => ({ kind, start, end, placeholders })
  const char = text[start] ?? ''
  if (char === "'") return quotedToken(text, start, start + 1, 'string', false)
  if (char === '"') return quotedToken(text, start, start + 1, 'quoted', false)
  if (text[start + 1] === "'" && /[eEbBxX]/.test(char))
    return quotedToken(text, start, start + 2, 'string', /[eE]/.test(char))
  if (char === '-' && text[start + 1] === '-') return token('comment', matchAt(LINE_COMMENT, text, start))
  if (char === '/' && text[start + 1] === '*') return token('comment', blockCommentEnd(text, start))
  if (char === '{' && text[start + 1] === '{') {
    const end = matchAt(PLACEHOLDER, text, start)
    if (end > start) return token('placeholder', end)
  }
  if (char === '$') return dollarToken(text, start)
  const word = matchAt(WORD, text, start)
  if (word > start) return token('word', word)
  const number = matchAt(NUMBER, text, start)
  if (number > start) return token('number', number)
  if ('()[]{},;.'.includes(char)) return token('punctuation', start + 1)
  const operator = matchAt(OPERATOR, text, start)
  return token('operator', operator > start ? operator : start + 1)
}

/** From the opening quote before `from` to its closing quote; a doubled quote stands for itself. */
function quotedToken(text: string, start: number, from: number, kind: 'string' | 'quoted', backslash: boolean): Token {
  const quote = text[from - 1]
  const placeholders: Range[] = []
  let at = from
  while (at < text.length) {
    const char = text[at]
    if (char === '{' && text[at + 1] === '{') {
      const end = matchAt(PLACEHOLDER_IN_STRING, text, at)
      if (end > at) {
        placeholders.push({ start: at, end })
        at = end
        continue
      }
    }
    if (backslash && char === '\\') at += 2
    else if (char !== quote) at++
    else if (text[at + 1] === quote) at += 2
    else return { kind, start, end: at + 1, placeholders }
  }
  return { kind, start, end: text.length, placeholders }
}

function dollarToken(text: string, start: number): Token {
  const bodyStart = matchAt(DOLLAR_QUOTE, text, start)
  if (bodyStart < 0) {
    const end = matchAt(PARAMETER, text, start)
    return { kind: end > start ? 'parameter' : 'operator', start, end: Math.max(end, start + 1), placeholders: NONE }
  }
  const tag = text.slice(start, bodyStart)
  const close = text.indexOf(tag, bodyStart)
  const bodyEnd = close < 0 ? text.length : close
  const placeholders: Range[] = []
  for (let at = text.indexOf('{{', bodyStart); at >= 0 && at < bodyEnd; at = text.indexOf('{{', at + 1)) {
    const end = matchAt(PLACEHOLDER_IN_STRING, text, at)
    if (end > at) placeholders.push({ start: at, end })
  }
  return { kind: 'string', start, end: close < 0 ? text.length : close + tag.length, placeholders }
}

function blockCommentEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  while (at < text.length) {
    if (text.startsWith('/*', at)) {
      depth++
      at += 2
    } else if (text.startsWith('*/', at)) {
      depth--
      at += 2
      if (depth === 0) return at
    } else at++
  }
  return text.length
}

/** Ranges of the statements of a text, without semicolons and without comments around them; empty ones are left out. */
export function statementRanges(tokens: readonly Token[], text: string): Range[] {
  const ranges: Range[] = []
  let first: Token | undefined
  let last: Token | undefined
  const finish = (): void => {
    if (first !== undefined && last !== undefined) ranges.push({ start: first.start, end: last.end })
    first = undefined
  }
  for (const token of tokens) {
    if (token.kind === 'comment') continue
    if (token.kind === 'punctuation' && text[token.start] === ';') {
      finish()
      continue
    }
    first ??= token
    last = token
  }
  finish()
  return ranges
}

/** What an identifier token names: quotes taken off. */
export function identifierOf(token: Token, text: string): string {
  const spelled = text.slice(token.start, token.end)
  return token.kind === 'quoted' ? spelled.slice(1, -1).replaceAll('""', '"') : spelled
}
