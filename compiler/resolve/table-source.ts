// Sources in databases: placeholders and the profile's defaults put in, and every query looked at by PostgreSQL's own parser: it
// must be one SELECT that changes nothing. Reports RESOLVE_*, VALIDATE_*.

import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { errorAt } from '../diagnostic-codes.ts'
import type { CheckQueries, CompileCache, QueryCheck, SourceDefaults } from '../ports.ts'
import type { AskedQuery, ResolvedTable } from '../resolve.ts'
import { placeAt } from '../sql/placed-text.ts'
import { postgresqlValues } from '../sql/postgresql-values.ts'
import { type Edit, originOf, type SplicedText, splice } from '../sql/spliced-text.ts'
import { keyPlaceOf } from '../validate/read-schema.ts'
import { tableParts } from '../validate/table-name.ts'
import { badTable, isTableName } from '../validate/table-source.ts'
import type { PlacedText, TableSourceNode } from '../validate.ts'
import { valueEdits } from './prepare-sql.ts'
import { movedBy } from './relation-edits.ts'
import type { Scope } from './scope.ts'
import { placed } from './source.ts'

type Report = (d: Diagnostic) => void

interface World {
  readonly cache: CompileCache
  readonly checkQueries: CheckQueries
  readonly sourceDefaults: SourceDefaults
}

export interface TableJob {
  readonly node: TableSourceNode
  readonly scope: Scope
}

type FoundTable = Omit<ResolvedTable, 'searched'>

/** Those without a mistake. */
export async function resolveTables(jobs: readonly TableJob[], world: World, report: Report): Promise<FoundTable[]> {
  const defaults = world.sourceDefaults.postgresql ?? {}
  const known = jobs.flatMap(({ node, scope }) => {
    const connection = connectionOf(node, scope, defaults, report)
    const asked = node.query === null ? tableOf(node, scope, defaults, report) : queryOf(node.query, scope, report)
    return connection === null || asked === null ? [] : [{ node, named: connection, asked }]
  })
  const probes = known.flatMap(({ asked }) => ('probe' in asked ? [asked.probe] : []))
  const checks = (await checked(probes, world)).values()
  return known.flatMap(({ node, named, asked }): FoundTable[] => {
    const common = { id: node.id, node, inputs: [], ...named }
    if (!('probe' in asked)) return [{ ...common, parameters: [], asked }]
    const check = checks.next().value
    if (check === undefined || node.query === null) return []
    if (check.kind === 'error') {
      report(queryMistake(check, asked.spliced, node.query))
      return []
    }
    return [{ ...common, parameters: asked.parameters, asked: askedQuery(asked, check) }]
  })
}

/** Without what follows the query: a semicolon, comments. */
function askedQuery(open: OpenQuery, check: Extract<QueryCheck, { kind: 'query' }>): AskedQuery {
  const { known, marks, probe, spliced, values } = open
  const last = spliced.at(-1)
  const end = last === undefined || check.end >= probe.length ? known.length : originOf(last, check.end)
  const inside = marks.filter((mark) => mark.end <= end)
  // Stand-ins are alike for different values.
  const canonical = fingerprintOf([check.canonical, inside.map(({ replacement }) => values[replacement.slice(2, -1)])])
  const whole = splice(known.slice(0, end), inside).text
  const text = whole.trim()
  const [move, leading] = [movedBy(inside), whole.length - whole.trimStart().length]
  const inText = (offset: number): number => move(last === undefined ? offset : originOf(last, offset)) - leading
  const uses = check.uses.map((use) => ({
    ...use,
    start: inText(use.start),
    origin: spliced.reduceRight((at, layer) => originOf(layer, at), use.start),
  }))
  return { kind: 'query', text, uses, probe: probe.slice(0, check.end).trim(), spliced, values, canonical }
}

type Named = Pick<ResolvedTable, 'connection' | 'over'>

function connectionOf(
  node: TableSourceNode,
  scope: Scope,
  defaults: Readonly<Record<string, unknown>>,
  report: Report,
): Named | null {
  const fallback = typeof defaults.connection === 'string' ? defaults.connection : undefined
  const name = node.connection === null ? fallback : expanded(node.connection, scope, report)
  if (name === null) return null
  if (node.ownConnection) return { connection: node.id, ...(name === undefined ? {} : { over: name }) }
  if (name !== undefined) return { connection: name }
  report(
    errorAt('VALIDATE_MISSING_KEY', keyPlaceOf(node.document, '/source'), "The key 'connection' is missing.", {
      facts: { key: 'connection' },
      hints: ['Name a connection of the profile, or give `source_defaults:` of the profile one for all sources.'],
    }),
  )
  return null
}

function expanded(placed_: PlacedText, scope: Scope, report: Report): string | null {
  const { text } = placed_
  if (!text.includes('{{')) return text
  const { text: result, problems } = scope.expand(text)
  const place = placeAt(placed_, text.indexOf('{{'), text.length)
  for (const problem of problems) report(placed(problem, place))
  if (problems.length > 0) return null
  if (!result.includes('{{')) return result
  report(
    errorAt('RESOLVE_PLACEHOLDER_NOT_ALLOWED', place, 'What is read cannot wait for a value of the run; a query can.', {
      facts: { text },
    }),
  )
  return null
}

/** A table; what a query becomes is known once it has been looked at. */
type AskedTable = Extract<ResolvedTable['asked'], { kind: 'table' }>

function tableOf(
  node: TableSourceNode,
  scope: Scope,
  defaults: Readonly<Record<string, unknown>>,
  report: Report,
): AskedTable | null {
  if (node.table === null) return null
  const text = expanded(node.table, scope, report)
  if (text === null) return null
  const parts = tableParts(text)
  if (parts === null || !isTableName(text)) {
    report(badTable(text, node.readPlace))
    return null
  }
  const fallback = node.schema ?? (typeof defaults.schema === 'string' ? defaults.schema : null)
  const [first = '', second] = parts
  return second === undefined
    ? { kind: 'table', schema: fallback, name: first }
    : { kind: 'table', schema: first, name: second }
}

interface OpenQuery {
  /** With the project's values, without the run's. */
  readonly known: string
  readonly marks: readonly Edit[]
  readonly probe: string
  readonly spliced: readonly SplicedText[]
  readonly values: Readonly<Record<string, string>>
  readonly parameters: readonly string[]
}

function queryOf(author: PlacedText, scope: Scope, report: Report): OpenQuery | null {
  const inProject = valueEdits(author.text, scope)
  for (const { start, end, ...problem } of inProject.problems)
    report(placed({ notes: [], ...problem }, placeAt(author, start, end - start)))
  if (inProject.problems.length > 0) return null
  const known = splice(author.text, inProject.edits)
  const { marks, standIns, values, parameters, wrong } = postgresqlValues(known.text)
  const [first] = wrong
  if (first !== undefined) {
    const place = placeAt(author, originOf(known, first.start), first.end - first.start)
    const message = 'A value of the run can stand for a plain text or in one, and nowhere else.'
    report(errorAt('RESOLVE_PLACEHOLDER_NOT_ALLOWED', place, message, { facts: {} }))
    return null
  }
  const spliced = [known, splice(known.text, standIns)]
  return { known: known.text, marks, probe: spliced[1]?.text ?? '', spliced, values, parameters }
}

/** Asks the parser only about texts that the cache does not know. */
async function checked(texts: readonly string[], { cache, checkQueries }: World): Promise<readonly QueryCheck[]> {
  const keys = texts.map((text) => `postgresql/2:${fingerprintOf(text)}`)
  // Written below by this function only.
  const known = keys.map((key) => cache.get(key) as QueryCheck | undefined)
  const open = texts.filter((_, i) => known[i] === undefined)
  const answers = (open.length === 0 ? [] : await checkQueries(open)).values()
  return keys.map((key, i) => {
    const found = known[i]
    if (found !== undefined) return found
    const answer: QueryCheck = answers.next().value ?? {
      kind: 'error',
      what: 'syntax',
      message: 'no answer',
      offset: 0,
    }
    if (answer.kind === 'query') cache.set(key, answer)
    return answer
  })
}

function queryMistake(
  { what, message, offset }: Extract<QueryCheck, { kind: 'error' }>,
  spliced: readonly SplicedText[],
  author: PlacedText,
): Diagnostic {
  const origin = spliced.reduceRight((at, layer) => originOf(layer, at), offset)
  const word = /^\w+/.exec(author.text.slice(origin))?.[0] ?? ' '
  const place = placeAt(author, origin, word.length)
  if (what === 'syntax') return errorAt('RESOLVE_SQL_SYNTAX', place, message, { facts: { message } })
  return errorAt('RESOLVE_STATEMENT_NOT_ALLOWED', place, message, {
    facts: { message },
    hints: ['A source is read by one SELECT that changes nothing.'],
  })
}
