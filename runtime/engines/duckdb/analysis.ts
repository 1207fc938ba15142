// The engine as the compiler's parser, type checker and planner: an in-memory DuckDB that holds nothing but empty
// tables. Implements SqlEngine of compiler/ports.ts by shape (runtime/ never imports compiler/). No file is ever read:
// external access is off. Offsets are converted from DuckDB's UTF-8 bytes to UTF-16 code units.

import { clockStatements } from '../../contract/clock.ts'
import type { Column } from '../../contract/manifest.ts'
import { storedColumns } from '../../contract/stored-columns.ts'
import { Planning, type PlanRequest } from './analysis-plans.ts'
import { type ChainRequest, chainedColumns } from './chained-queries.ts'
import { type DuckDBConnection, type DuckDBInstance, openDatabase } from './driver.ts'
import { EmptyTables, type Relation } from './empty-tables.ts'
import { engineError, utf16Offset } from './engine-errors.ts'
import { queryColumns } from './query-columns.ts'
import { literal, quoted } from './quoting.ts'
import { codeOf } from './split-statements.ts'
import { leadingKind, type StatementKind } from './statement-kind.ts'
import { type ParseResult, parseTexts } from './syntax-trees.ts'

interface DescribeRequest {
  readonly statements: readonly string[]
  readonly relations: readonly Relation[]
}

type DescribeResult =
  | { readonly kind: 'columns'; readonly columns: readonly Column[]; readonly casts: Readonly<Record<string, string>> }
  | {
      readonly kind: 'error'
      readonly message: string
      readonly code: string
      readonly statement: number
      readonly offset: number | null
      readonly name: string | null
      readonly candidates: readonly string[]
    }
  | { readonly kind: 'late' }

/** A date in text form: what a run parameter stands for while a query is only described. */
const SAMPLE_PARAMETER = '2000-01-01'

/** Below this many requests a second connection costs more than it saves. */
const WORTH_TWO_LANES = 16

export interface AnalysisEngine {
  readonly version: string
  parse(texts: readonly string[]): Promise<readonly ParseResult[]>
  statementKinds(texts: readonly string[]): Promise<readonly StatementKind[]>
  describe(requests: readonly DescribeRequest[]): Promise<readonly DescribeResult[]>
  describeChain(request: ChainRequest): Promise<readonly (DescribeResult | null)[]>
  plans(
    requests: readonly (PlanRequest & { readonly relations: readonly Relation[] })[],
  ): Promise<readonly (string | null)[]>
  volatileFunctions(): Promise<ReadonlySet<string>>
  close(): void
}

/** What a batch of syntax trees took is given back at once: of 5,000 nodes it would be 60 MB. */
const OPTIONS = {
  threads: '1',
  enable_external_access: 'false',
  allocator_flush_threshold: '1MB',
  allocator_bulk_deallocation_flush_threshold: '1MB',
}

/** Opens the analysis engine. Costs 0.1–0.3 s. */
export async function createAnalysisEngine(): Promise<AnalysisEngine> {
  const instance = await openDatabase(OPTIONS)
  const connection = await instance.connect()
  await connection.run(PREPARATION)
  const version = String((await connection.runAndReadAll('SELECT version()')).getRows()[0]?.[0])
  return new DuckDBAnalysis(instance, connection, `duckdb ${version}`)
}

/**
 * In one go: each statement by itself would wait for a thread. A plan of an empty table is never wanted here, and preparing
 * takes half the time without the optimiser.
 */
const PREPARATION = [
  'SET errors_as_json = true',
  "SET TimeZone = 'UTC'",
  'PRAGMA disable_optimizer',
  `SET VARIABLE run_timestamp = TIMESTAMPTZ '${SAMPLE_PARAMETER} 00:00:00+00'`,
  ...clockStatements("getvariable('run_timestamp')"),
].join(';\n')

class DuckDBAnalysis implements AnalysisEngine {
  readonly version: string
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #tables: EmptyTables
  #second: Promise<DuckDBConnection> | undefined
  #planning: Promise<Planning> | undefined
  #volatile: Promise<ReadonlySet<string>> | undefined

  constructor(instance: DuckDBInstance, connection: DuckDBConnection, version: string) {
    this.#instance = instance
    this.#connection = connection
    this.version = version
    this.#tables = new EmptyTables(connection)
  }

  async parse(texts: readonly string[]): Promise<readonly ParseResult[]> {
    return parseTexts(this.#connection, texts)
  }

  async statementKinds(texts: readonly string[]): Promise<readonly StatementKind[]> {
    const parsed = await this.parse(texts)
    return parsed.map((result, i) =>
      result.kind === 'trees' && result.trees.length === 1 ? 'select' : leadingKind(texts[i] ?? ''),
    )
  }

  async describe(requests: readonly DescribeRequest[]): Promise<readonly DescribeResult[]> {
    const relations = requests.flatMap((r) => r.relations)
    await this.#tables.ensure(relations)
    if (requests.length < WORTH_TWO_LANES || !this.#tables.hold(relations)) return this.#describeInTurn(requests)
    return this.#describeSideBySide(requests)
  }

  async #describeInTurn(requests: readonly DescribeRequest[]): Promise<readonly DescribeResult[]> {
    const results: DescribeResult[] = []
    for (const request of requests) {
      await this.#tables.ensure(request.relations)
      results.push(await this.#describeOne(request, this.#connection))
    }
    return results
  }

  /** On two connections, each taking the next request when it is done with one. */
  async #describeSideBySide(requests: readonly DescribeRequest[]): Promise<readonly DescribeResult[]> {
    this.#second ??= this.#bindingConnection()
    const results: DescribeResult[] = []
    const waiting = requests.entries()
    const lane = async (connection: DuckDBConnection): Promise<void> => {
      for (const [i, request] of waiting) results[i] = await this.#describeOne(request, connection)
    }
    await Promise.all([lane(this.#connection), lane(await this.#second)])
    return results
  }

  /** On the second connection, so that texts are parsed meanwhile. */
  async describeChain(request: ChainRequest): Promise<readonly (DescribeResult | null)[]> {
    this.#second ??= this.#bindingConnection()
    const connection = await this.#second
    try {
      await this.#tables.ensure(request.relations)
      await setParameters(
        connection,
        request.queries.map(({ sql }) => sql),
      )
      const found = await chainedColumns(connection, request)
      return found.map((columns) => columns && { kind: 'columns', ...columns })
    } catch {
      // Which of them has the mistake, and where, is said of it alone.
      return request.queries.map(() => null)
    }
  }

  async plans(
    requests: readonly (PlanRequest & { readonly relations: readonly Relation[] })[],
  ): Promise<readonly (string | null)[]> {
    this.#planning ??= this.#instance.connect().then(Planning.on)
    const planning = await this.#planning
    const relations = requests.flatMap((r) => r.relations)
    if ((await this.#canHold(relations)) && this.#tables.hold(relations)) return planning.planTexts(requests)
    const results: (string | null)[] = []
    for (const request of requests) {
      const [plan] = (await this.#canHold(request.relations)) ? await planning.planTexts([request]) : []
      results.push(plan ?? null)
    }
    return results
  }

  /** A base manifest may name types that this version of the engine does not have. */
  async #canHold(relations: readonly Relation[]): Promise<boolean> {
    try {
      await this.#tables.ensure(relations)
      return true
    } catch {
      return false
    }
  }

  volatileFunctions(): Promise<ReadonlySet<string>> {
    this.#volatile ??= volatileNames(this.#connection)
    return this.#volatile
  }

  close(): void {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }

  /** Several statements run on a connection of their own, so that their temporary objects are gone afterwards. */
  async #describeOne(request: DescribeRequest, shared: DuckDBConnection): Promise<DescribeResult> {
    if (request.statements.length === 1) return describeStatements(shared, request.statements)
    const own = await this.#bindingConnection()
    try {
      return await describeStatements(own, request.statements)
    } finally {
      own.closeSync()
    }
  }

  async #bindingConnection(): Promise<DuckDBConnection> {
    const connection = await this.#instance.connect()
    await connection.run(PREPARATION)
    return connection
  }
}

async function volatileNames(connection: DuckDBConnection): Promise<ReadonlySet<string>> {
  const result = await connection.runAndReadAll(
    "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE stability = 'VOLATILE'",
  )
  return new Set(result.getRows().map((row) => String(row[0])))
}

async function describeStatements(
  connection: DuckDBConnection,
  statements: readonly string[],
): Promise<DescribeResult> {
  let at = 0
  try {
    await setParameters(connection, statements)
    for (; at < statements.length - 1; at++) await runOnEmpty(connection, statements[at] ?? '')
    return { kind: 'columns', ...storedColumns(await queryColumns(connection, statements[at] ?? '')) }
  } catch (error) {
    const found = engineError(error)
    if (isLate(found.message, statements.slice(0, at + 1))) return { kind: 'late' }
    const text = statements[at] ?? ''
    return {
      ...found,
      kind: 'error',
      statement: at,
      offset: found.offset === null ? null : utf16Offset(text, found.offset, found.code),
    }
  }
}

/** Over no rows a PIVOT gives no columns of its own; where there is none, a list that is empty is the author's mistake. */
const isLate = (message: string, statements: readonly string[]): boolean =>
  /multiple statements/.test(message) ||
  (/SELECT list is empty after resolving/.test(message) &&
    statements.some((text) => /\bpivot(_wider)?\b/i.test(codeOf(text, 'left out'))))

/** Without its optimiser the engine fails at MERGE … WHEN NOT MATCHED BY SOURCE. */
async function runOnEmpty(connection: DuckDBConnection, text: string): Promise<void> {
  const isMerge = leadingKind(text) === 'merge'
  if (isMerge) await connection.run('PRAGMA enable_optimizer')
  await connection.run(text)
  if (isMerge) await connection.run('PRAGMA disable_optimizer')
}

async function setParameters(connection: DuckDBConnection, statements: readonly string[]): Promise<void> {
  const names = new Set(
    statements.flatMap((text) => [...text.matchAll(/getvariable\('((?:[^']|'')+)'\)/gi)].map((m) => m[1] ?? '')),
  )
  names.delete('run_timestamp')
  for (const name of names)
    await connection.run(`SET VARIABLE ${quoted(name.replaceAll("''", "'"))} = ${literal(SAMPLE_PARAMETER)}`)
}
