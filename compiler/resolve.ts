// Typed nodes → nodes whose parameters, snippets and refs are resolved: SQL in production's spelling (`kind.name`),
// run parameters as variables, statements split and classified, every relation that is read known to be an input.
// Formatting and comments survive (splice by source position). Reports RESOLVE_*. What had no mistake is cached by text.

import { fingerprintOf } from '../runtime/contract/canonical-json.ts'
import { type Diagnostic, sortDiagnostics } from '../runtime/contract/diagnostics.ts'
import type { NodeId } from '../runtime/contract/ids.ts'
import { errorAt } from './diagnostic-codes.ts'
import type { Json } from './load.ts'
import { otherWork } from './other-work.ts'
import { NO_RECORDS, type Records } from './outside.ts'
import type {
  CheckQueries,
  CompileCache,
  ConnectionSchemas,
  LazySqlEngine,
  ParseResult,
  SchemaUse,
  SourceDefaults,
  StatementKind,
} from './ports.ts'
import { finishSql, type ResolvedText, textsToClassify } from './resolve/finish-sql.ts'
import { type Inputs, type KnownNodes, knownNodes, resolveInputs } from './resolve/inputs.ts'
import { type PostgresqlFacts, type PostgresqlText, resolvePostgresql } from './resolve/postgresql.ts'
import { type LayerProblem, type Prepared, prepareSql, textsToParse } from './resolve/prepare-sql.ts'
import { type Problem, Scope } from './resolve/scope.ts'
import { placed, resolveSource } from './resolve/source.ts'
import { resolveTables } from './resolve/table-source.ts'
import { targetWriters, withWriters } from './resolve/target-readers.ts'
import { placeAt } from './sql/placed-text.ts'
import { type Edit, originOf, type SplicedText, splice } from './sql/spliced-text.ts'
import { hasPlaceholder, placeOf } from './validate/read-schema.ts'
import type { FileSourceNode, PlacedText, TableSourceNode, TransformNode, Validated } from './validate.ts'

/** An identifier path in the resolved SQL that names another node: where the environment's prefix may go. */
export interface RelationUse {
  readonly node: NodeId
  /** Offset of the schema identifier in `ResolvedSql.text`, in UTF-16 code units. */
  readonly start: number
  /** Length of the schema identifier as spelled there (with quotes, if quoted). */
  readonly schemaLength: number
}

/** No tree: a pass that needs one parses the resolved text itself, all nodes in one batch, when its own cache has nothing. */
export interface Statement {
  readonly kind: StatementKind
  /** Half-open range in `ResolvedSql.text`, without the semicolon and without leading or trailing space and comments. */
  readonly start: number
  readonly end: number
}

export interface ResolvedSql {
  /** Production's spelling. */
  readonly text: string
  /** From `text` back to the author's text. */
  readonly spliced: readonly SplicedText[]
  readonly author: PlacedText
  readonly statements: readonly Statement[]
  readonly uses: readonly RelationUse[]
}

interface ResolvedCommon {
  readonly id: NodeId
  /** In the order of the YAML, repetitions dropped. */
  readonly inputs: readonly NodeId[]
  /** Nodes whose targets it reads, which must be written before. Sorted; absent: none. */
  readonly after?: readonly NodeId[]
  /** Names of run parameters that it reads, sorted: `run_date`, `env.NAME`… */
  readonly parameters: readonly string[]
}

export interface ResolvedSource extends ResolvedCommon {
  readonly node: FileSourceNode
  /** Path as written, with run parameters as `{{ name }}` only. */
  readonly path: string
  readonly options: Readonly<Record<string, unknown>>
}

/** The rows of a source in a database. */
export interface ResolvedTable extends ResolvedCommon {
  readonly node: TableSourceNode
  /** Name of a connection of the profile; its own id where the source says itself where its server is. */
  readonly connection: string
  /** Of such a source: the connection whose fields those of the source go before. */
  readonly over?: string
  /** Where a table is that is named without a schema. */
  readonly searched: string
  /** In PostgreSQL's spelling. */
  readonly asked: { readonly kind: 'table'; readonly schema: string | null; readonly name: string } | AskedQuery
}

export interface AskedQuery {
  readonly kind: 'query'
  /** Values of the run are variables of psql. */
  readonly text: string
  /** The same with literals in their place: what a parser and a look at the columns take. */
  readonly probe: string
  /** From `probe` back to the author's text. */
  readonly spliced: readonly SplicedText[]
  /** What the variables stand for, by name. */
  readonly values: Readonly<Record<string, string>>
  /** Stands for the query whatever its formatting and comments. */
  readonly canonical: string
  /** What `text` names of schemas, in its order; `origin` is the offset in the author's text. */
  readonly uses: readonly (SchemaUse & { readonly origin: number })[]
}

export interface ResolvedTransform extends ResolvedCommon {
  readonly node: TransformNode
  readonly sql: ResolvedSql
  /** Of a transform in that dialect. */
  readonly postgresql?: PostgresqlFacts
}

export type ResolvedNode = ResolvedSource | ResolvedTable | ResolvedTransform

export const isTransform = (n: ResolvedNode): n is ResolvedTransform => n.node.kind === 'transform'
export const isTable = (n: ResolvedNode): n is ResolvedTable =>
  n.node.kind === 'source' && n.node.format === 'postgresql'
/** Where the engine is a database: whether a source's rows are kept in a table of it: they are elsewhere, or those of a run's values. */
export const isKept = (node: ResolvedTable, engine: { readonly connection: string | null }): boolean =>
  isElsewhere(node, engine) || (node.asked.kind === 'query' && Object.keys(node.asked.values).length > 0)
export const isElsewhere = (node: ResolvedTable, engine: { readonly connection: string | null }): boolean =>
  node.connection !== engine.connection || node.over !== undefined
export const isFile = (n: ResolvedNode): n is ResolvedSource => !isTransform(n) && !isTable(n)

export interface Resolved {
  readonly project: Validated['project']
  /** Sorted by id. */
  readonly nodes: readonly ResolvedNode[]
  readonly lock: Validated['lock']
  readonly diagnostics: readonly Diagnostic[]
}

export interface ResolveOptions {
  /** `--params`: stand for placeholders of the same name, before anything else. */
  readonly params: { readonly [key: string]: Json }
  readonly engine: LazySqlEngine
  readonly cache: CompileCache
  readonly checkQueries: CheckQueries
  readonly sourceDefaults: SourceDefaults
  readonly connectionSchemas: ConnectionSchemas
  /** Told of the file sources, sorted by id, before the engine reads SQL, unless there is something to report by then. */
  readonly onFiles?: (files: readonly ResolvedSource[]) => void
}

/**
 * Asks the engine only about SQL that the cache does not know. Nodes with mistakes are left out; those `outside` are only
 * read.
 */
export async function resolve(
  validated: Validated,
  options: ResolveOptions,
  outside: Records = NO_RECORDS,
): Promise<Resolved> {
  const diagnostics: Diagnostic[] = []
  const report = (d: Diagnostic): void => {
    diagnostics.push(d)
  }
  const known = knownNodes(validated, outside.keys())
  const nodes: ResolvedNode[] = []
  const jobs: Job[] = []
  const tables: { readonly node: TableSourceNode; readonly scope: Scope }[] = []
  for (const node of validated.nodes) {
    const scope = new Scope(validated, options.params, node)
    if (node.kind === 'source' && node.format === 'postgresql') tables.push({ node, scope })
    else if (node.kind === 'source') nodes.push(resolveSource(node, scope, report))
    else jobs.push(job(node, scope, resolveInputs(node, known), report))
  }
  if (diagnostics.length === 0) options.onFiles?.(nodes.filter(isFile).sort(byId))
  const writers = targetWriters(validated.nodes)
  nodes.push(
    ...(await resolveTables(tables, options, report)).map((table) =>
      withWriters(table, writers, options.connectionSchemas),
    ),
  )
  await answer(jobs, options, known)
  for (const { node, inputs, result } of jobs) {
    if (result === undefined) continue
    diagnostics.push(...result.problems.map((problem) => sqlDiagnostic(problem, result, node.sql)))
    if (result.problems.length === 0 && inputs.broken.length === 0) nodes.push(resolved(node, inputs, result))
  }
  nodes.sort(byId)
  return { project: validated.project, nodes, lock: validated.lock, diagnostics: sortDiagnostics(diagnostics) }
}

const byId = (a: ResolvedNode, b: ResolvedNode): number => (a.id < b.id ? -1 : 1)

/** One transform on its way through the engine. */
interface Job {
  readonly node: TransformNode
  readonly scope: Scope
  readonly inputs: Inputs
  result?: ResolvedText | PostgresqlText
}

function job(node: TransformNode, scope: Scope, inputs: Inputs, report: (d: Diagnostic) => void): Job {
  inputs.diagnostics.forEach(report)
  for (const [name, value] of Object.entries(node.params))
    if (hasPlaceholder(value))
      scope.expandJson(value, (problem: Problem) => report(placed(problem, placeOf(node.document, `/params/${name}`))))
  return { node, scope, inputs }
}

/** A job that the cache does not know. */
interface AskedJob {
  readonly job: Job
  readonly key: string
}

interface OpenJob extends AskedJob {
  readonly prepared: Prepared
}

/** As many texts go to the engine at once: the syntax trees of two batches are in memory together. */
const BATCH = 50
/** After so many, whatever else there is goes on: the engine is looked into the sources with. */
const PIECE = 5

/** Gives each job its result: from the cache, or from the engine in batches. */
async function answer(
  jobs: readonly Job[],
  { engine, cache, checkQueries }: ResolveOptions,
  known: KnownNodes,
): Promise<void> {
  const open: AskedJob[] = []
  const own: AskedJob[] = []
  for (const job of jobs) {
    const { text } = job.node.sql
    const { dialect } = job.node
    const key = `resolve/1:${dialect === 'duckdb' ? '' : dialect}${fingerprintOf([text, job.inputs.written, text.includes('{{') ? job.scope.fingerprint() : null])}`
    const found = job.inputs.broken.length === 0 ? cache.get(key) : undefined
    // Written below by this function only, under the hash of what it depends on.
    if (found !== undefined) job.result = found as PostgresqlText
    else if (dialect === 'postgresql') own.push({ job, key })
    else open.push({ job, key })
  }
  let next = begin(open.slice(0, BATCH), engine)
  for (let at = BATCH; next.open.length > 0; at += BATCH) {
    const batch = next
    next = begin(open.slice(at, at + BATCH), engine)
    await answerBatch(batch, engine, known)
    remember(batch.open, cache)
  }
  const results = await resolvePostgresql(
    own.map(({ job }) => ({ text: job.node.sql.text, scope: job.scope, readable: readableOf(job, known) })),
    checkQueries,
  )
  own.forEach(({ job }, i) => {
    const result = results[i]
    if (result !== undefined) job.result = result
  })
  remember(own, cache)
}

function remember(open: readonly AskedJob[], cache: CompileCache): void {
  for (const { job, key } of open)
    if (job.result?.problems.length === 0 && job.inputs.broken.length === 0) cache.set(key, job.result)
}

const readableOf = ({ node, inputs: { written, broken } }: Job, { ids }: KnownNodes) => ({
  self: node.id,
  inputs: written,
  nodes: ids,
  brokenInputs: broken,
})

/** A batch that the engine parses, while the one before is read. */
interface Begun {
  readonly open: readonly OpenJob[]
  readonly parsing: Promise<readonly (readonly ParseResult[])[]>
}

function begin(asked: readonly AskedJob[], engine: LazySqlEngine): Begun {
  const open = asked.map((one) => ({ ...one, prepared: prepareSql(one.job.node.sql.text, one.job.scope) }))
  const parsing = parseAll(
    open.map((one) => one.prepared),
    engine,
  )
  // Who awaits it says what went wrong; nobody does when the batch before failed.
  parsing.catch(() => {})
  return { open, parsing }
}

async function answerBatch({ open, parsing }: Begun, engine: LazySqlEngine, known: KnownNodes): Promise<void> {
  const prepared = open.map((one) => one.prepared)
  const parsed = await parsing
  const kinds = await classifyAll(prepared, parsed, engine)
  for (const [i, { job, prepared }] of open.entries()) {
    const answers = { parsed: parsed[i] ?? [], kinds: kinds[i] ?? new Map() }
    job.result = finishSql(prepared, answers, readableOf(job, known))
    if (i % PIECE === 0) await otherWork()
  }
}

/** Answers in the order of `textsToParse`, for each prepared text. */
async function parseAll(
  prepared: readonly Prepared[],
  engine: LazySqlEngine,
): Promise<readonly (readonly ParseResult[])[]> {
  const texts = prepared.map(textsToParse)
  const all = texts.flat()
  const parsed = all.length === 0 ? [] : await (await engine()).parse(all)
  const ends: number[] = []
  for (const own of texts) ends.push((ends.at(-1) ?? 0) + own.length)
  return texts.map((own, i) => parsed.slice((ends[i] ?? 0) - own.length, ends[i]))
}

async function classifyAll(
  prepared: readonly Prepared[],
  parsed: readonly (readonly ParseResult[])[],
  engine: LazySqlEngine,
): Promise<readonly ReadonlyMap<number, StatementKind>[]> {
  const asked = prepared.map((p, i) => textsToClassify(p, parsed[i] ?? []))
  const texts = asked.flat().map(({ text }) => text)
  const kinds = texts.length === 0 ? [] : await (await engine()).statementKinds(texts)
  let at = 0
  return asked.map((own) => new Map(own.map(({ index }) => [index, kinds[at++] ?? 'other'])))
}

function resolved(node: TransformNode, inputs: Inputs, result: ResolvedText | PostgresqlText): ResolvedTransform {
  const own = 'postgresql' in result ? result.postgresql : null
  const spliced = splices(node.sql.text, result.layers)
  return {
    id: node.id,
    node,
    inputs: [...new Set(inputs.written)],
    parameters: result.parameters,
    ...(own === null ? {} : { postgresql: own }),
    sql: {
      text: spliced.at(-1)?.text ?? node.sql.text,
      spliced,
      author: node.sql,
      statements: result.statements,
      uses: result.uses,
    },
  }
}

/** Layers that change nothing are left out. */
function splices(text: string, layers: readonly (readonly Edit[])[]): SplicedText[] {
  const spliced: SplicedText[] = []
  for (const edits of layers) if (edits.length > 0) spliced.push(splice(spliced.at(-1)?.text ?? text, edits))
  return spliced
}

function sqlDiagnostic(problem: LayerProblem, result: ResolvedText, author: PlacedText): Diagnostic {
  const below = splices(author.text, result.layers.slice(0, problem.layers))
  const origin = (offset: number): number => below.reduceRight((at, layer) => originOf(layer, at), offset)
  const start = origin(problem.start)
  const place = placeAt(author, start, Math.max(1, origin(problem.end) - start))
  return errorAt(problem.code, place, problem.message, {
    facts: problem.facts,
    hints: problem.hints,
    notes: problem.notes ?? [],
  })
}
