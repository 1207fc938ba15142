// A query of PostgreSQL → what its rows depend on besides its inputs, by PostgreSQL's own parser: where it reads the clock and
// the run's variables, which volatile functions it calls, and what goes by an order that nothing fixes. Names decide, since
// no catalogue is at hand: a function of somebody's own counts as none of these. Pure.

import { listOf, type Tree, treeOf } from './parse-tree.ts'
import { utf16At } from './utf16.ts'

export interface QueryFacts {
  /** Where the clock is read: `type` is what the expression gives; in UTF-16 code units, in the order of the text. */
  readonly clock: readonly { readonly type: string; readonly start: number }[]
  /** Calls of getvariable('name'). */
  readonly variables: readonly { readonly name: string; readonly start: number }[]
  /** Lower-case names, sorted. */
  readonly volatile: readonly string[]
  /** As in a manifest, sorted. */
  readonly orderDependent: readonly string[]
}

const TIMESTAMP = 'timestamp with time zone'

const CLOCK_WORDS: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_DATE: 'date',
  SVFOP_CURRENT_TIME: 'time with time zone',
  SVFOP_CURRENT_TIMESTAMP: TIMESTAMP,
  SVFOP_LOCALTIME: 'time without time zone',
  SVFOP_LOCALTIMESTAMP: 'timestamp without time zone',
}

const CLOCK_FUNCTIONS: ReadonlySet<string> = new Set([
  'clock_timestamp',
  'now',
  'statement_timestamp',
  'transaction_timestamp',
])

const VOLATILE: ReadonlySet<string> = new Set(
  `currval gen_random_bytes gen_random_uuid lastval nextval pg_backend_pid pg_sleep random random_normal setseed setval
timeofday txid_current uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuidv4 uuidv7`.split(/\s+/),
)

/** Aggregates whose result goes by the order of the rows, unless they say one. */
const ORDERED_AGGREGATES: ReadonlySet<string> = new Set(
  'any_value array_agg json_agg json_object_agg jsonb_agg jsonb_object_agg string_agg xmlagg'.split(' '),
)

/** Window functions that tell rows apart which the window's order may leave tied. */
const RANKING: ReadonlySet<string> = new Set('first_value lag last_value lead nth_value ntile row_number'.split(' '))

export function queryFacts(text: string, tree: unknown): QueryFacts {
  const walk = new Walk(utf16At(text))
  walk.visit(tree)
  const byStart = (a: { readonly start: number }, b: { readonly start: number }) => a.start - b.start
  return {
    clock: walk.clock.sort(byStart),
    variables: walk.variables.sort(byStart),
    volatile: [...walk.volatile].sort(),
    orderDependent: [...walk.ordered].sort(),
  }
}

class Walk {
  readonly clock: { type: string; start: number }[] = []
  readonly variables: { name: string; start: number }[] = []
  readonly volatile = new Set<string>()
  readonly ordered = new Set<string>()
  readonly #at: (byte: number) => number

  constructor(at: (byte: number) => number) {
    this.#at = at
  }

  visit(node: unknown): void {
    if (Array.isArray(node)) for (const item of node) this.visit(item)
    else if (node !== null && typeof node === 'object')
      for (const [key, value] of Object.entries(node)) this.#member(key, treeOf(value), value)
  }

  #member(key: string, tree: Tree, value: unknown): void {
    if (key === 'FuncCall') this.#function(tree)
    else if (key === 'SQLValueFunction') this.#word(tree)
    else if (key === 'TypeCast') this.#literal(tree)
    else if (key === 'limitCount' || key === 'limitOffset') this.ordered.add('limit')
    else if (key === 'distinctClause' && listOf(value).some((item) => Object.keys(item).length > 0))
      this.ordered.add('distinct_on')
    else if (key === 'RangeTableSample') this.volatile.add('tablesample')
    this.visit(value)
  }

  #word(tree: Tree): void {
    const type = CLOCK_WORDS[String(tree.op)]
    if (type !== undefined) this.clock.push({ type, start: this.#at(numberOf(tree.location)) })
    else
      this.volatile.add(
        String(tree.op)
          .replace(/^SVFOP_/, '')
          .toLowerCase(),
      )
  }

  #function(tree: Tree): void {
    const names = listOf(tree.funcname).map((part) => String(treeOf(part.String).sval))
    const name = names.at(-1) ?? ''
    const args = listOf(tree.args)
    const start = this.#at(numberOf(tree.location))
    if (CLOCK_FUNCTIONS.has(name) && args.length === 0) this.clock.push({ type: TIMESTAMP, start })
    else if (VOLATILE.has(name) || (name === 'age' && args.length === 1)) this.volatile.add(name)
    if (name === 'getvariable' && names.length === 1) {
      const { sval } = treeOf(treeOf(treeOf(args[0]).A_Const).sval)
      if (typeof sval === 'string') this.variables.push({ name: sval, start })
    }
    if (ORDERED_AGGREGATES.has(name) && tree.agg_order === undefined) this.ordered.add(name)
    if (RANKING.has(name) && tree.over !== undefined) this.ordered.add(name)
  }

  /** `'now'::date` reads the clock where the text stands. */
  #literal(tree: Tree): void {
    const { sval } = treeOf(treeOf(treeOf(tree.arg).A_Const).sval)
    if (typeof sval === 'string' && /^\s*(now|today|tomorrow|yesterday)\s*$/i.test(sval)) this.volatile.add(sval.trim())
  }
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)
