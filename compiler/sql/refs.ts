// How SQL names what it reads: `ref('kind.name')`, `input_0`, `__THIS__`, `kind.name`, temporary objects, and nothing
// else. Found by read-tree.ts in the engine's syntax tree, and by read-tokens.ts in what the parser cannot serialise.
// Offsets count UTF-16 code units of the whole text.

import { nearest } from '../../runtime/contract/diagnostics.ts'
import { PURE_TABLE_FUNCTIONS } from '../../runtime/contract/engine-names.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import type { DiagnosticCode } from '../diagnostic-codes.ts'
import { identifierOf, type Range, type Token } from './lexer.ts'

/** A place where a node is read: `ref('kind.name')`, `input_0` or `__THIS__`, or `kind.name`. */
export interface RelationRead extends Range {
  readonly form: 'ref' | 'input' | 'path'
  readonly id: NodeId
  /** Position in `inputs`. */
  readonly index: number
  readonly hasAlias: boolean
  /** DESCRIBE and TABLE take a bare name. */
  readonly aliasAllowed: boolean
}

type Alias = Pick<RelationRead, 'hasAlias' | 'aliasAllowed'>

export interface SqlProblem extends Range {
  readonly code: DiagnosticCode
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly hints: readonly string[]
}

export interface Reads {
  readonly relations: RelationRead[]
  /** Inputs whose `input_N` qualifies a column, by position. */
  readonly qualifiers: Set<number>
  /** Columns that are qualified by `kind.name`. */
  readonly columnPaths: (Range & { readonly id: NodeId })[]
  readonly problems: SqlProblem[]
}

export const noReads = (): Reads => ({ relations: [], qualifiers: new Set(), columnPaths: [], problems: [] })

/** What a statement may read. */
export interface Readable {
  /** The node itself, which is no suggestion. */
  readonly self: NodeId
  /** In the order of the YAML, repetitions kept: `input_1` is the second. */
  readonly inputs: readonly NodeId[]
  readonly nodes: readonly NodeId[]
  /** Temporary tables, views and macros of earlier statements, lower case. */
  readonly temporary: ReadonlySet<string>
  /** Those of them that are macros. */
  readonly macros: ReadonlySet<string>
  /** Inputs that do not exist: reported already. */
  readonly brokenInputs: readonly string[]
}

export const KINDS: ReadonlySet<string> = new Set(['source', 'transform'])
const THIS = '__this__'
const INPUT = /^input_(\d+)$/

export interface Source {
  readonly text: string
  readonly tokens: readonly Token[]
  readonly readable: Readable
}

/** Position of a token in `tokens` by where it starts. */
export const tokenAt = (source: Source, start: number): number => {
  let low = 0
  let high = source.tokens.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((source.tokens[middle]?.end ?? 0) <= start) low = middle + 1
    else high = middle
  }
  return low
}

export const isPunctuation = (source: Source, token: Token | undefined, char: string): boolean =>
  token !== undefined && token.kind === 'punctuation' && source.text[token.start] === char

/** An identifier path from a token on: its parts and the index of its last token. */
export function pathAt(source: Source, index: number): { readonly parts: readonly string[]; readonly last: number } {
  const parts: string[] = []
  let at = index
  for (;;) {
    const token = source.tokens[at]
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted'))
      return { parts, last: Math.max(index, at - 2) }
    parts.push(identifierOf(token, source.text))
    if (!isPunctuation(source, source.tokens[at + 1], '.')) return { parts, last: at }
    at += 2
  }
}

/** A relation by name (not ref()): an input, something temporary, or a problem. `spelled` is the token's range. */
export function relationByName(
  source: Source,
  parts: readonly string[],
  range: Range,
  alias: Alias,
  reads: Reads,
): void {
  const { inputs, nodes, temporary } = source.readable
  const name = parts.join('.')
  const lower = name.toLowerCase()
  if (
    parts.length === 1
      ? temporary.has(lower)
      : parts.length === 2 && lower.startsWith('temp.') && temporary.has(lower.slice(5))
  )
    return
  const index = parts.length === 1 ? inputIndex(lower) : inputs.findIndex((id) => id.toLowerCase() === lower)
  const id = index === undefined ? undefined : inputs[index]
  if (index !== undefined && id !== undefined) {
    reads.relations.push({ ...range, form: parts.length === 1 ? 'input' : 'path', id, index, ...alias })
    return
  }
  const problem = (code: DiagnosticCode, message: string, hints: readonly string[]): void => {
    reads.problems.push({ ...range, code, message, facts: { relation: name, inputs }, hints })
  }
  if (index !== undefined && parts.length === 1)
    problem(
      'RESOLVE_INPUT_INDEX',
      `'${name}' is no input: the node has ${inputs.length === 0 ? 'none' : inputs.length === 1 ? "only 'input_0'" : `'input_0' to 'input_${inputs.length - 1}'`}.`,
      [],
    )
  else if (parts.length === 2 && KINDS.has(parts[0]?.toLowerCase() ?? '')) notInInputs(source, name, range, reads)
  else if (parts.length === 1 && /[./\\*:]/.test(name))
    problem('RESOLVE_READS_FILE', `'${name}' is a file; a transform reads only its inputs.`, [
      'Describe the file as a source and read that.',
    ])
  else {
    const near =
      [...inputs, ...nodes].find((node) => node.split('.')[1]?.toLowerCase() === lower) ?? nearest(name, inputs)
    problem('RESOLVE_READS_NO_INPUT', `'${name}' is no input of this node.`, [
      near === undefined ? inputsHint(inputs) : `Did you mean ref('${near}')?`,
    ])
  }
}

export const inputIndex = (lower: string): number | undefined => {
  const number = INPUT.exec(lower)?.[1]
  return lower === THIS ? 0 : number === undefined ? undefined : Number(number)
}

const inputsHint = (inputs: readonly NodeId[]): string =>
  inputs.length === 0 ? "The node has no inputs: add it to 'inputs'." : `Its inputs are: ${inputs.join(', ')}.`

function notInInputs(source: Source, name: string, range: Range, reads: Reads): void {
  const { self, inputs, nodes, brokenInputs } = source.readable
  const exists = nodes.find((id) => id === name)
  const near = nearest(name, [...inputs, ...nodes.filter((id) => id !== self)])
  // The input of that name is misspelt in `inputs`, which is reported there.
  if (exists !== undefined && brokenInputs.some((broken) => nearest(broken, [name]) === name)) return
  const hints =
    exists === undefined
      ? [near === undefined ? inputsHint(inputs) : `Did you mean '${near}'?`]
      : [`Add '- ref: ${name}' to 'inputs'.`]
  reads.problems.push({
    ...range,
    code: 'RESOLVE_REF_NOT_IN_INPUTS',
    message: `'${name}' is not among the 'inputs' of this node.`,
    facts: { ref: name, inputs },
    hints,
  })
}

/** `ref('kind.name')` whose word is the token at `index`; `argument` is undefined when it is not one text. */
export function refCall(source: Source, index: number, argument: string | undefined, alias: Alias, reads: Reads): void {
  const word = source.tokens[index]
  const close = source.tokens.findIndex((token, i) => i > index && isPunctuation(source, token, ')'))
  const range = { start: word?.start ?? 0, end: source.tokens[close]?.end ?? word?.end ?? 0 }
  if (argument === undefined) {
    reads.problems.push({
      ...range,
      code: 'RESOLVE_REF_SYNTAX',
      message: 'ref() takes one text that names a node.',
      facts: {},
      hints: ["Write ref('kind.name')."],
    })
    return
  }
  const at = source.readable.inputs.indexOf(argument as NodeId)
  const id = source.readable.inputs[at]
  if (id !== undefined) reads.relations.push({ ...range, form: 'ref', id, index: at, ...alias })
  else {
    const text = source.tokens[index + 2]
    notInInputs(source, argument, text === undefined ? range : { start: text.start + 1, end: text.end - 1 }, reads)
  }
}

/** A function that sees more than its arguments, or that is called past what the run puts in its place. */
export function functionProblem(source: Source, index: number, name: string, isTable: boolean): SqlProblem {
  const { start, end } = source.tokens[index] ?? { start: 0, end: 0 }
  const file = isTable && /^(read_|parquet_|sniff_)|_scan(_|$)|^glob$/.test(name)
  return {
    start,
    end,
    code: file ? 'RESOLVE_READS_FILE' : 'RESOLVE_READS_FUNCTION',
    message: file
      ? `'${name}' reads files; a transform reads only its inputs.`
      : `'${name}' sees more than its arguments; a transform reads only its inputs.`,
    facts: { function: name },
    hints: file
      ? ['Describe the file as a source and read that.']
      : isTable
        ? [`Functions that may stand for a table: ${[...PURE_TABLE_FUNCTIONS].join(', ')}.`]
        : [],
  }
}

/** Notes that a column is qualified by an input's `input_N`. */
export function addQualifier(reads: Reads, name: string): void {
  const index = inputIndex(name.toLowerCase())
  if (index !== undefined) reads.qualifiers.add(index)
}

/** Notes that a column whose path begins at a token is qualified by an input's `kind.name`. */
export function addColumnPath(source: Source, parts: readonly string[], token: Token | undefined, reads: Reads): void {
  if (parts.length < 3 || token === undefined) return
  const qualified = `${parts[0]}.${parts[1]}`.toLowerCase()
  const id = source.readable.inputs.find((input) => input.toLowerCase() === qualified)
  if (id !== undefined && identifierOf(token, source.text).toLowerCase() === parts[0]?.toLowerCase())
    reads.columnPaths.push({ start: token.start, end: token.end, id })
}

/** The same for names that the syntax tree keeps without their place, as in EXCLUDE. */
export function addQualifiers(source: Source, reads: Reads): void {
  source.tokens.forEach((token, i) => {
    if (isPunctuation(source, source.tokens[i + 1], '.')) addQualifier(reads, identifierOf(token, source.text))
  })
}

const NO_ALIAS_AFTER = new Set(['table', 'describe', 'desc', 'summarize', 'show', 'into', 'update'])

/** DESCRIBE, TABLE and the like take a bare name. */
export function takesAlias(source: Source, index: number): boolean {
  const before = source.tokens[index - 1]
  return before?.kind !== 'word' || !NO_ALIAS_AFTER.has(source.text.slice(before.start, before.end).toLowerCase())
}
