// Statements → what keeps their result from being a function of inputs, run timestamp and parameters: the clock (which
// is a parameter, so only noted), volatile functions, and results that depend on an order which nothing fixes. Whatever
// is named here makes readers compare digests of data, so a name too many costs time and a name too few is a mistake.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import { CLOCK_NAMES, SESSION_NAMES } from '../../runtime/contract/engine-names.ts'
import type { Reproducibility } from '../../runtime/contract/manifest.ts'
import type { Tree } from '../ports.ts'
import { canonicalTree, type ParsedStatement } from './canonical.ts'
import { lex } from './lexer.ts'
import { depthChange, type Head, verbAt, wordAt } from './statements.ts'
import { child, children, columnParts, everyTree, foldCase, text } from './tree.ts'

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '))

/** Which of several rows, or in which order, is not said. */
const PICKS_OR_LISTS = words(
  'any_value approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax ' +
    'argmin array_agg first first_value group_concat json_group_array json_group_object json_group_structure last last_value list listagg ' +
    'max_by min_by mode reservoir_quantile string_agg',
)
/** Rows that tie get different numbers or neighbours. */
const RANKS = words('fill first_value lag last_value lead nth_value ntile row_number')
const SUMS = words('avg mean sum')
/** Add up floating-point numbers whatever they are given; the order of the additions shows in the last digits. */
const FLOAT_SUMS = words(
  'corr covar_pop covar_samp entropy favg fsum geomean geometric_mean kahan_sum kurtosis kurtosis_pop product regr_avgx regr_avgy ' +
    'regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp sumkahan var_pop var_samp ' +
    'variance wavg weighted_avg',
)
const SORTS = words('array_reverse_sort array_sort list_reverse_sort list_sort')
/** In the engine's catalogue of volatile functions, but has no result. */
const NO_RESULT = 'error'

interface Found {
  clock: boolean
  readonly volatile: Set<string>
  readonly order: Set<string>
  /** Calls whose list is sorted by the call around them: `list(x ORDER BY x)` is parsed as `list_sort(list(x))`. */
  readonly sorted: Set<Tree>
}

/**
 * `floatSums`: whether a SUM or AVG adds up floating-point numbers, null when not known (then every one counts).
 * `volatileFunctions`: lower-case names from the engine's catalogue. Pure.
 */
export function reproducibilityOf(
  statements: readonly ParsedStatement[],
  floatSums: boolean | null,
  volatileFunctions: ReadonlySet<string>,
): Reproducibility {
  const found: Found = { clock: false, volatile: new Set(), order: new Set(), sorted: new Set() }
  const sums = floatSums === null ? SUMS : new Set<string>()
  if (floatSums === true) found.order.add('float_sum')
  for (const { text: sql, tree } of statements) {
    if (tree === null) scanTokens(sql, found, volatileFunctions)
    else for (const inner of everyTree(tree)) scanTree(inner, found, sums, volatileFunctions)
  }
  // A name that was traced to a column is no row number.
  if (floatSums !== null) found.order.delete('rowid')
  return {
    clock: found.clock,
    volatile: [...found.volatile].sort(byCodeUnit),
    order_dependent: [...found.order].sort(byCodeUnit),
  }
}

function scanTree(tree: Tree, found: Found, sums: ReadonlySet<string>, volatileFunctions: ReadonlySet<string>): void {
  const parts = columnParts(tree)
  if (parts?.length === 1) noteCall(foldCase(parts[0] ?? ''), found, new Set(), new Set())
  if (parts?.at(-1)?.toLowerCase() === 'rowid') found.order.add('rowid')
  if (tree.class === 'FUNCTION' || tree.class === 'WINDOW') scanCall(tree, found, sums, volatileFunctions)
  if (tree.modifiers !== undefined) scanModifiers(tree, found)
  if (child(tree, 'sample') !== undefined) found.order.add('sample')
  if (tree.type === 'JOIN' && tree.ref_type === 'POSITIONAL') found.order.add('positional_join')
  if (tree.type === 'JOIN' && tree.ref_type === 'ASOF') found.order.add('asof_join')
  if (tree.type === 'SHOW_REF') found.order.add('summarize')
  if (tree.type === 'RECURSIVE_CTE_NODE' && children(tree, 'key_targets').length > 0) found.order.add('using_key')
}

function scanCall(call: Tree, found: Found, sums: ReadonlySet<string>, volatileFunctions: ReadonlySet<string>): void {
  const name = foldCase(text(call, 'function_name'))
  const list = children(call, 'children')
  if (name === 'age' && list.length === 1) found.clock = true
  noteCall(name, found, sums, volatileFunctions)
  const orders =
    call.class === 'WINDOW' ? children(call, 'arg_orders') : children(child(call, 'order_bys') ?? {}, 'orders')
  if (SORTS.has(name) && list[0] !== undefined) found.sorted.add(list[0])
  const isSettled = found.sorted.has(call) || (call.class === 'FUNCTION' && isOrderedBy(list[0], orders))
  if (PICKS_OR_LISTS.has(name) && !isSettled) found.order.add(name)
  if (call.class !== 'WINDOW') return
  if (RANKS.has(name)) found.order.add(name)
  const frame = `${text(call, 'start')} ${text(call, 'end')}`
  if (/ROWS|GROUPS/.test(frame) && /CURRENT|EXPR/.test(frame)) found.order.add('rows_frame')
}

function noteCall(name: string, found: Found, sums: ReadonlySet<string>, volatileFunctions: ReadonlySet<string>): void {
  if (CLOCK_NAMES.has(name)) found.clock = true
  if (SESSION_NAMES.has(name) || (volatileFunctions.has(name) && name !== NO_RESULT)) found.volatile.add(name)
  if (FLOAT_SUMS.has(name) || sums.has(name)) found.order.add('float_sum')
}

/** Rows that tie in all of the order are then equal in what is listed. */
function isOrderedBy(argument: Tree | undefined, orders: readonly Tree[]): boolean {
  const spelled = (tree: Tree | undefined): string => (tree === undefined ? '' : canonicalTree(tree))
  return argument !== undefined && orders.some((order) => spelled(child(order, 'expression')) === spelled(argument))
}

function scanModifiers(node: Tree, found: Found): void {
  const modifiers = children(node, 'modifiers')
  // ORDER BY ALL: rows that tie are equal.
  const isTotal = modifiers.some((m) =>
    children(m, 'orders').some((order) => child(order, 'expression')?.class === 'STAR'),
  )
  for (const modifier of modifiers) {
    const isLimit = modifier.type === 'LIMIT_MODIFIER' || modifier.type === 'LIMIT_PERCENT_MODIFIER'
    if (isLimit && !isTotal) found.order.add('limit')
    if (children(modifier, 'distinct_on_targets').length > 0) found.order.add('distinct_on')
  }
}

/** Words of statements that cannot be parsed to a tree → the name that they are reported under. */
const TOKEN_NAMES: Readonly<Record<string, string>> = {
  asof: 'asof_join',
  fetch: 'limit',
  following: 'rows_frame',
  limit: 'limit',
  offset: 'limit',
  positional: 'positional_join',
  preceding: 'rows_frame',
  rowid: 'rowid',
  sample: 'sample',
  summarize: 'summarize',
  tablesample: 'sample',
}

function scanTokens(sql: string, found: Found, volatileFunctions: ReadonlySet<string>): void {
  const tokens = lex(sql).filter((token) => token.kind !== 'comment')
  tokens.forEach((token, i) => {
    if (token.kind !== 'word' && token.kind !== 'quoted') return
    const next = tokens[i + 1]
    const name = foldCase(sql.slice(token.start, token.end)).replaceAll('"', '')
    const isCall = next !== undefined && sql[next.start] === '('
    if (isCall || CLOCK_NAMES.has(name) || SESSION_NAMES.has(name)) noteCall(name, found, SUMS, volatileFunctions)
    if (isCall && name === 'age') found.clock = true
    if (isCall && (PICKS_OR_LISTS.has(name) || RANKS.has(name))) found.order.add(name)
    const reported = TOKEN_NAMES[name]
    if (token.kind === 'word' && reported !== undefined) found.order.add(reported)
    if (name === 'distinct' && next !== undefined && foldCase(sql.slice(next.start, next.end)) === 'on')
      found.order.add('distinct_on')
  })
  const several = severalRows({ tokens, text: sql })
  if (several !== null) found.order.add(several)
}

/** A row of the table that several others match becomes one of them; of rows with one key the last or first stays. */
function severalRows(head: Head): 'merge' | 'on_conflict' | 'update_from' | null {
  const verb = verbAt(head)
  switch (wordAt(head, verb)) {
    case 'merge':
      return 'merge'
    case 'insert':
      return wordAt(head, verb + 1) === 'or' || head.tokens.some((_, i) => wordAt(head, i) === 'conflict')
        ? 'on_conflict'
        : null
    case 'update':
      return hasAtTop(head, verb, 'from') ? 'update_from' : null
    default:
      return null
  }
}

function hasAtTop(head: Head, from: number, word: string): boolean {
  let depth = 0
  return head.tokens.some((_, i) => {
    depth += depthChange(head, i)
    return i > from && depth === 0 && wordAt(head, i) === word
  })
}
