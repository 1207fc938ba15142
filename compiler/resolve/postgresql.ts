// Transforms in PostgreSQL's own dialect → the same that finish-sql.ts gives for DuckDB's: references spelled `kind.name`,
// statements and their places known from PostgreSQL's own parser. Values of the run are calls of getvariable(), which a step
// replaces. Reports RESOLVE_*.

import type { CheckQueries, QueryCheck, QueryShape } from '../ports.ts'
import type { Statement } from '../resolve.ts'
import { lex } from '../sql/lexer.ts'
import { runParameterEdits, spellParameter } from '../sql/parameters.ts'
import { type Found, type PostgresqlQuery, postgresqlQuery, psqlName } from '../sql/postgresql-query.ts'
import { readTokens } from '../sql/read-tokens.ts'
import { noReads, type Readable, type Reads, type Source, type SqlProblem } from '../sql/refs.ts'
import { type Edit, splice } from '../sql/spliced-text.ts'
import type { ResolvedText } from './finish-sql.ts'
import { type LayerProblem, valueEdits } from './prepare-sql.ts'
import { relationEdits, relationUses } from './relation-edits.ts'
import type { Scope } from './scope.ts'

/** What is known of such a query besides its text. */
export interface PostgresqlFacts {
  readonly query: PostgresqlQuery
  /** Stands for the query whatever its formatting and comments. */
  readonly canonical: string
  readonly volatile: readonly string[]
  readonly orderDependent: readonly string[]
  readonly clock: boolean
  readonly shape: QueryShape
}

export interface PostgresqlText extends ResolvedText {
  readonly postgresql: PostgresqlFacts | null
}

interface Task {
  readonly text: string
  readonly scope: Scope
  readonly readable: Omit<Readable, 'temporary' | 'macros'>
}

interface Open {
  readonly layers: readonly (readonly Edit[])[]
  readonly text: string
  readonly reads: Reads
  readonly source: Source
  readonly parameters: readonly string[]
  readonly templates: Readonly<Record<string, string>>
  readonly problems: readonly LayerProblem[]
}

/** In the order of the tasks. */
export async function resolvePostgresql(
  tasks: readonly Task[],
  checkQueries: CheckQueries,
): Promise<readonly PostgresqlText[]> {
  const open = tasks.map(opened)
  const checks =
    open.length === 0
      ? []
      : await checkQueries(
          open.map(({ text }) => text),
          'script',
        )
  return open.map((one, i) => finished(one, checks[i]))
}

function opened({ text: author, scope, readable }: Task): Open {
  const values = valueEdits(author, scope)
  const known = splice(author, values.edits).text
  const templates: Record<string, string> = {}
  const run = runParameterEdits(known, 0, (parameter) => {
    const template = spellParameter(parameter)
    const name = psqlName(template.slice(3, -3).replace(/\|.*$/s, ''))
    templates[name] = template
    return `getvariable('${name}')`
  })
  const withValues = splice(known, run.edits).text
  const tokens = lex(withValues).filter((token) => token.kind !== 'comment')
  const source: Source = {
    text: withValues,
    tokens,
    readable: { ...readable, temporary: new Set(), macros: new Set() },
  }
  const reads = noReads()
  readTokens(source, { start: 0, end: withValues.length }, reads)
  const relations = relationEdits(reads, source)
  const inIdentifiers = run.inIdentifiers.map((range) => problem(range, 1, 'RESOLVE_PLACEHOLDER_NOT_ALLOWED'))
  return {
    layers: [values.edits, run.edits, relations],
    text: splice(withValues, relations).text,
    reads,
    source,
    parameters: [...new Set(run.uses.map(({ parameter }) => parameterName(parameter)))].sort(),
    templates,
    problems: [
      ...values.problems.map((p) => ({ ...p, layers: 0 })),
      ...inIdentifiers,
      ...reads.problems.filter(isOfReference).map((p) => ({ ...p, layers: 2 })),
    ],
  }
}

/** What tokens say of functions is said of DuckDB's. */
const isOfReference = ({ code }: SqlProblem): boolean => /^RESOLVE_(REF_|INPUT_)/.test(code)

const parameterName = (parameter: Parameters<typeof spellParameter>[0]): string =>
  parameter.kind === 'date' ? 'run_date' : parameter.kind === 'environment' ? `env.${parameter.name}` : parameter.name

const problem = (
  range: { readonly start: number; readonly end: number },
  layers: number,
  code: LayerProblem['code'],
  message = 'A value of the run cannot be part of an identifier.',
  hints: readonly string[] = [],
): LayerProblem => ({ start: range.start, end: range.end, layers, code, message, facts: {}, hints })

function finished(open: Open, check: QueryCheck | undefined): PostgresqlText {
  const { layers, text, reads, source, parameters, problems } = open
  const base = { layers, parameters, uses: relationUses(reads, source, (offset) => offset) }
  const none = { ...base, statements: [], postgresql: null }
  if (problems.length > 0 || check === undefined) return { ...none, problems }
  if (check.kind === 'error') {
    const code = check.what === 'syntax' ? 'RESOLVE_SQL_SYNTAX' : 'RESOLVE_STATEMENT_NOT_ALLOWED'
    return {
      ...none,
      problems: [problem({ start: check.offset, end: check.offset + 1 }, 3, code, check.message)],
    }
  }
  const inputs = source.readable.inputs
  const found = postgresqlQuery(text, inputs, check, open.templates)
  const wrong = [...strangers(found, inputs), ...unknownVariables(check, open.templates)]
  const facts = [...check.before, check].map((one) => one.facts)
  const named = (names: (one: (typeof facts)[number]) => readonly string[]): readonly string[] =>
    [...new Set(facts.flatMap(names))].sort()
  return {
    ...base,
    statements: [
      ...check.before.map(({ start, end }): Statement => ({ kind: 'other', start, end })),
      { kind: 'select', start: found.query.start, end: check.end },
    ],
    problems: wrong,
    postgresql: {
      query: found.query,
      canonical: check.canonical,
      volatile: named((one) => one.volatile),
      orderDependent: named((one) => one.orderDependent),
      clock: facts.some((one) => one.clock.length > 0),
      shape: check.shape,
    },
  }
}

/** Relations that are no input, and what may lead to one. */
function strangers({ strange }: Found, inputs: readonly string[]): LayerProblem[] {
  const list =
    inputs.length === 0 ? "The node has no inputs: add it to 'inputs'." : `Its inputs are: ${inputs.join(', ')}.`
  return strange.map((use) => {
    const name = use.schema === null ? use.name : `${use.schema}.${use.name}`
    const range = { start: use.start, end: use.start + 1 }
    if (use.what === 'function')
      return problem(
        range,
        3,
        'RESOLVE_READS_FUNCTION',
        `'${name}' may see more than its arguments; a transform reads only its inputs.`,
        ['Call functions of PostgreSQL, or put what the function does into the query.'],
      )
    if (use.what === 'literal')
      return problem(
        range,
        3,
        'RESOLVE_READS_NO_INPUT',
        `The text '${name}' names a table, which is not followed; a transform reads only its inputs.`,
        [list],
      )
    return problem(range, 3, 'RESOLVE_READS_NO_INPUT', `'${name}' is no input of this node.`, [list])
  })
}

const unknownVariables = (
  check: Extract<QueryCheck, { kind: 'query' }>,
  templates: Readonly<Record<string, string>>,
): LayerProblem[] =>
  [...check.before, check]
    .flatMap(({ facts }) => facts.variables)
    .filter(({ name }) => !Object.hasOwn(templates, name))
    .map(({ name, start }) =>
      problem({ start, end: start + 1 }, 3, 'RESOLVE_UNKNOWN_VARIABLE', `There is no variable '${name}' here.`, [
        'Write {{ name }} for a value of the run.',
      ]),
    )
