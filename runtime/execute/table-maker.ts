// Makes outputs in a database: each step's query fills a table of the store, and a view leads to it from then on. A run of
// production reads what it makes by views of its own, so that nobody else sees it before the switch. Every statement says
// in a comment whose it is. Reports STEP_FAILED, OUTPUT_DIFFERS, BUNDLE_INVALID, CONNECTION_FAILED.

import { type BuildStep, type CheckStep, tableOf } from '../contract/bundle.ts'
import { fingerprintOf } from '../contract/canonical-json.ts'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type Fingerprint, type NodeId } from '../contract/ids.ts'
import type { LedgerView } from '../contract/ledger.ts'
import { isOnlyView, type ManifestNode } from '../contract/manifest.ts'
import { pgName, pgPrefixed } from '../contract/postgresql-names.ts'
import { digestOf, digitsOf, type Snapshot } from '../contract/state.ts'
import { columnItems, kindSchema, nextSchema, tableNameOf, viewNameOf } from '../contract/table-steps.ts'
import { serverTypesOf } from '../contract/target-types.ts'
import type { FailingRows } from '../engine.ts'
import { requireTypes } from '../engines/postgresql/columns.ts'
import type { SessionPool } from '../engines/postgresql/pool.ts'
import { checkQueries } from '../engines/postgresql/read-only.ts'
import type { Session } from '../engines/postgresql/session.ts'
import { statementComment } from '../engines/postgresql/statement-comment.ts'
import {
  executeStep,
  fillTable,
  type MadeTable,
  makeTable,
  type PlacedStatement,
  rowDigest,
  tableFacts,
} from '../engines/postgresql/table-writer.ts'
import { askLedger } from '../engines/postgresql/transaction.ts'
import type { SharedState } from '../shared-state.ts'
import type { StoredOutput } from '../store/snapshots.ts'
import { copySource, isCopied, keepRows } from './kept-source.ts'
import type { Loader } from './load-rows.ts'
import type { Maker, MakerTarget, Order } from './maker.ts'
import type { Readable } from './plan.ts'
import { placeOfConnection } from './plan-targets.ts'
import type { TableRows } from './read-table.ts'
import type { ExecuteOptions } from './run.ts'
import type { Written } from './running.ts'
import { located } from './step.ts'
import { type StepSql, type StepStatement, stepSql } from './step-sql.ts'
import { writeStoredTarget } from './table-targets.ts'
import { queryOfStep, storedTable } from './table-views.ts'
import type { World } from './world.ts'

interface Context {
  readonly world: World
  readonly shared: SharedState
  readonly pool: SessionPool
  readonly loader: Loader
  /** The environment's views so far, `schema.name`: those may lead elsewhere. */
  readonly own: ReadonlySet<string>
  readonly options: Pick<ExecuteOptions, 'faults' | 'signal'>
}

/** All statements see one moment. */
const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ'

export class TableMaker implements Maker {
  readonly #context: Context
  /** Views that lead to what they should, by node. */
  readonly #provided = new Map<string, Promise<void>>()
  /** What names the tables of this run, by node. */
  readonly #stored = new Map<NodeId, string>()

  constructor(context: Context) {
    this.#context = context
  }

  async prepare({ node, readables }: Order): Promise<void> {
    const { world } = this.#context
    const own = node.inputs.flatMap(({ ref }, i): [NodeId, Readable][] => {
      const readable = readables[i]
      return readable === undefined || !world.steps.has(asNodeId(ref)) ? [] : [[asNodeId(ref), readable]]
    })
    for (const [id, { snapshot }] of own) if (snapshot !== null) await this.#provide(id, this.#queryFor(id, snapshot))
  }

  async run(order: Order): Promise<Omit<Written, 'ms'>> {
    const { node, step, fingerprint } = order
    const id = asNodeId(node.id)
    const what = `Making ${id}`
    const sha256 = this.#unused(id, { fingerprint, node: id, run: this.#context.world.values.runId })
    const table = storedTable(id, { sha256 })
    try {
      const facts = await this.#context.pool.with(async (session) => {
        const made =
          tableOf(step)?.made === 'load'
            ? await this.#load(session, order, table, what)
            : await this.#make(session, order, table, { what, isWithin: false })
        return this.#factsOf(session, order, table, made)
      })
      this.#stored.set(id, sha256)
      await this.#provide(id, `TABLE ${table}`)
      return { columns: facts.columns, rows: facts.rows, facts }
    } catch (error) {
      throw located(error, step, node)
    }
  }

  /** Tables of one run have names of their own, also where its id was used before, so that nothing that is read is written. */
  #unused(id: NodeId, named: Readonly<Record<string, string>>): Fingerprint {
    const { outputs } = this.#context.world
    for (let again = 1; ; again += 1) {
      const sha256 = fingerprintOf(again === 1 ? named : { ...named, again })
      if (outputs.hasTable?.(tableNameOf(id, sha256)) !== true) return sha256
    }
  }

  /** A query fills the table; temporary objects are there for it alone. */
  async #make(
    session: Session,
    { node, step }: Pick<Order, 'node' | 'step'>,
    table: string,
    { what, isWithin }: { readonly what: string; readonly isWithin: boolean },
  ): Promise<MadeTable> {
    const { before, query } = await this.#sql(step, node)
    const isScript = before.length > 0
    const comment = this.#comment(node.id)
    const placed = (statement: StepStatement): PlacedStatement => ({
      ...statement,
      otherwise: isScript ? statement.origin(0) : null,
    })
    const { isStepwise } = this.#context.shared.ledger
    if (isStepwise && isScript) throw needsTransactions(`${node.id}, which has several statements,`)
    if (isScript && !isWithin) await session.rows(what, BEGIN)
    for (const statement of before) await executeStep(session, { comment, statement: placed(statement), what })
    const made = await makeTable(session, { comment, table, query: placed(query), what, isStepwise })
    if (isScript) await session.rows(what, isWithin ? 'DISCARD TEMP' : 'DISCARD TEMP; COMMIT')
    return made
  }

  #sql(step: BuildStep, node: ManifestNode): Promise<StepSql> {
    return stepSql(this.#context.world, this.#context.shared.ledger.project, step, node)
  }

  async #load(session: Session, { node, source }: Order, table: string, what: string): Promise<MadeTable> {
    const { loader } = this.#context
    const columns = node.columns ?? []
    const loaded = await loader.load(node, source)
    const [drop, create] = [
      `${this.#comment(node.id)} DROP TABLE IF EXISTS ${table}`,
      `CREATE TABLE ${table} (${columnItems(columns).join(', ')})`,
    ]
    const { isStepwise } = this.#context.shared.ledger
    const copy = `${this.#comment(node.id)} COPY ${table} (${columns.map(({ name }) => pgName(name)).join(', ')}) FROM STDIN (FORMAT csv)`
    const pipe = await loader.rows(node, loaded.file)
    try {
      await session.rows(what, isStepwise ? drop : `BEGIN; ${drop}`)
      await fillTable(session, { create, copy, what }, pipe.open)
      if (!isStepwise) await session.rows(what, 'COMMIT')
    } finally {
      pipe.remove()
    }
    return { rows: loaded.rows, ...(await tableFacts(session, table, `Looking at ${node.id}`)) }
  }

  async #factsOf(
    session: Session,
    order: Order,
    table: string,
    { rows, columns }: MadeTable,
  ): Promise<NonNullable<Written['facts']>> {
    const { node } = order
    const known = requireColumns(node, columns)
    const relation = `${this.#comment(node.id)} ${table}`
    const digits = digitsOf(node, order) ?? (await rowDigest(session, relation, 'q', `Looking at ${node.id}`)).sum
    return { rows, digest: digestOf(rows, digits, known), columns: known }
  }

  async readTable(node: ManifestNode): Promise<TableRows> {
    const started = performance.now()
    const step = this.#step(asNodeId(node.id))
    if (!isOnlyView(node)) return this.#keep(node, step)
    const { sql: query } = (await this.#sql(step, node)).query
    try {
      const facts = await this.#context.pool.with(async (session) => {
        await requireTypes(session, { node: node.id, sql: query, types: serverTypesOf(node) })
        const relation = `(\n${query}\n)`
        const { rows, sum } = await rowDigest(
          session,
          `${this.#comment(node.id)} ${relation}`,
          'q',
          `Reading ${node.id}`,
        )
        const columns = (node.columns ?? []).map(({ name, type }) => ({ name, type }))
        return { rows, digest: digestOf(rows, sum, columns), columns }
      })
      const place = placeOfConnection(this.#context.shared.connection)
      return { columns: facts.columns, rows: facts.rows, facts, place, ms: performance.now() - started }
    } catch (error) {
      throw located(error, step, node)
    }
  }

  /** The rows in a table of the store, unless they are what is stored already. */
  async #keep(node: ManifestNode, step: BuildStep): Promise<TableRows> {
    const started = performance.now()
    const { world, shared, pool, options } = this.#context
    const [id, what] = [asNodeId(node.id), `Reading ${node.id}`]
    const own = fingerprintOf({ node: id, run: world.values.runId })
    const table = storedTable(id, { sha256: own })
    if (shared.ledger.isStepwise) throw needsTransactions(`${node.id}, whose rows are copied,`)
    const source = { world, node, step, table, comment: this.#comment(id), signal: options.signal }
    const { extract } = step
    try {
      const facts = await pool.with(async (session) => {
        await session.rows(what, BEGIN)
        if (isCopied(step)) await copySource(session, source)
        else await this.#make(session, { node, step }, table, { what, isWithin: true })
        const { rows, sum } = await rowDigest(session, `${source.comment} ${table}`, 'q', what)
        const known = requireColumns(node, (await tableFacts(session, table, what)).columns)
        const found = { rows, digest: digestOf(rows, sum, known), columns: known }
        this.#stored.set(id, await keepRows(session, source, found))
        return found
      })
      const place = placeOfConnection(extract === undefined ? shared.connection : world.connection(extract.connection))
      return { columns: facts.columns, rows: facts.rows, facts, place, ms: performance.now() - started }
    } catch (error) {
      throw located(error, step, node)
    }
  }

  /** What was written is in the store already. */
  async store(id: NodeId, { facts }: Written): Promise<Snapshot> {
    if (facts === undefined) throw new Bug(`nothing is known of the output of ${id}`)
    const isView = tableOf(this.#step(id))?.made === 'view'
    const sha256 = isView ? fingerprintOf({ view: id, digest: facts.digest }) : null
    return { ...facts, columns: [...facts.columns], size_bytes: 0, sha256: sha256 ?? this.#stored.get(id) ?? '' }
  }

  async index(id: NodeId, output: StoredOutput): Promise<void> {
    const { ledger } = this.#context.shared
    const isView = tableOf(this.#step(id))?.made === 'view'
    await ledger.ask(
      `INSERT INTO seeknal.outputs (project, fingerprint, proof, node, relation, output) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (project, node, fingerprint, proof) DO UPDATE SET relation = excluded.relation, output = excluded.output`,
      [
        ledger.project,
        output.fingerprint,
        output.proof ?? '',
        id,
        isView ? '' : tableNameOf(id, output.snapshot.sha256),
        JSON.stringify(output),
      ],
    )
    if (this.#context.world.nodes.get(id)?.source_table !== undefined)
      await this.#provide(id, this.#queryFor(id, output.snapshot))
  }

  async digestColumns(id: NodeId, snapshot: Snapshot, columns: readonly string[]): Promise<string> {
    const relation = `${this.#comment(id)} (\n${this.#queryFor(id, snapshot)}\n)`
    const row = columns.length === 0 ? "''" : `ROW(${columns.map((name) => `q.${pgName(name)}`).join(', ')})`
    const { rows, sum } = await this.#context.pool.with((session) =>
      rowDigest(session, relation, row, `Looking at ${id}`),
    )
    return `${rows}:${sum}:${fingerprintOf(columns)}`
  }

  async failingRows(step: CheckStep, node: ManifestNode, snapshot: Snapshot): Promise<readonly FailingRows[]> {
    const { world, pool } = this.#context
    const [input] = step.inputs
    const prefix = input?.from === 'bundle' ? world.contract.prefix : ''
    const view = `${pgPrefixed(kindSchema(this.#context.shared.schema, node.kind), prefix)}.${pgName(viewNameOf(node.id))}`
    const text = world.bundle.files.get(step.file) ?? ''
    const sql = text
      .replace(`TABLE ${view}\n`, () => `${this.#queryFor(asNodeId(node.id), snapshot)}\n`)
      .replace(/;\s*$/, '')
    const [check] = await checkQueries([sql])
    if (check?.kind !== 'query' || sql === text)
      throw new RuntimeFailure('BUNDLE_INVALID', `the SQL of step '${step.id}' is no check`, { node: node.id })
    try {
      return await pool.with(async (session) => {
        const rows = await session.rows(`Checking ${node.id}`, `${this.#comment(node.id)} ${sql}`)
        return rows.map(({ id, failing_rows }) => ({ id: id ?? '', failingRows: Number(failing_rows) }))
      })
    } catch (error) {
      throw located(error, step, node)
    }
  }

  async writeTarget(order: MakerTarget): Promise<void> {
    const { pool, ...context } = this.#context
    const comment = this.#comment(order.node.id)
    await pool.with((session) => writeStoredTarget({ ...context, session, comment }, order))
  }

  async damaged(): Promise<null> {
    return null
  }

  whereIs({ sha256 }: Snapshot): string {
    return `a table of the store, ${sha256.slice(0, 16)}`
  }

  #step(id: NodeId): BuildStep {
    const step = this.#context.world.steps.get(id)
    if (step === undefined) throw new Bug(`${id} has no step`)
    return step
  }

  /** What a view of an output leads to. */
  #queryFor(id: NodeId, snapshot: Snapshot): string {
    const { world } = this.#context
    const [node, step] = [world.nodes.get(id), world.steps.get(id)]
    if (node === undefined || !isOnlyView(node)) return `TABLE ${storedTable(id, snapshot)}`
    if (step !== undefined) return queryOfStep(step, node, world.bundle).query
    return `TABLE ${pgName(kindSchema(this.#context.shared.schema, node.kind))}.${pgName(viewNameOf(id))}`
  }

  /** Makes the view by which steps of this run read a node, once for what it leads to. */
  #provide(id: NodeId, query: string): Promise<void> {
    const key = `${id} ${query}`
    const known = this.#provided.get(key)
    if (known !== undefined) return known
    const made = this.#context.pool.with((session) => this.#view(session, id, query))
    this.#provided.set(key, made)
    return made
  }

  async #view(session: Session, id: NodeId, query: string): Promise<void> {
    const { world, own, shared } = this.#context
    const output = tableOf(this.#step(id))
    if (output === null) throw new Bug(`${id} is no output of a database`)
    const what = `Showing ${id}`
    if (world.environment === null) {
      const view = `${pgName(nextSchema(shared.ledger.project, kindOf(id)))}.${pgName(output.name)}`
      const statements = [`DROP VIEW IF EXISTS ${view}`, `CREATE VIEW ${view} AS ${query}`]
      for (const statement of shared.ledger.isStepwise ? statements : [statements.join('; ')])
        await session.rows(what, `${this.#comment(id)} ${statement}`)
      return
    }
    const { schema, name, publish } = output
    const view: LedgerView = { schema, name, query, ...(publish === 'table' ? { table: true } : {}) }
    const isOurs = own.has(`${schema}.${name}`)
    if (shared.ledger.isStepwise) return shared.ledger.showBySteps(world.environment, view, isOurs)
    const show = 'SELECT seeknal.show_in_environment($1, $2, $3::jsonb, $4::boolean)'
    await askLedger(session, what, `${this.#comment(id)} ${show}`, [
      shared.ledger.project,
      world.environment,
      JSON.stringify(view),
      String(isOurs),
    ])
  }

  #comment(node: string): string {
    const { contract } = this.#context.world
    return statementComment({
      project: contract.project.name,
      environment: contract.environment ?? 'production',
      node,
      bundle: contract.digest,
    })
  }
}

const needsTransactions = (what: string): RuntimeFailure =>
  new RuntimeFailure(
    'BUNDLE_UNSUPPORTED',
    `${what} needs a server that makes things within a transaction`,
    {},
    { hints: ["The connection says 'without: ddl_in_transactions'."] },
  )

const kindOf = (id: string): string => id.slice(0, id.indexOf('.'))

/** The columns as the manifest names them; those of the table where only it can tell. Throws OUTPUT_DIFFERS. */
function requireColumns(
  node: ManifestNode,
  found: readonly { readonly name: string; readonly type: string }[],
): readonly { readonly name: string; readonly type: string }[] {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(', ')
  if (node.columns === null) return found
  if (names(node.columns) === names(found)) return node.columns.map(({ name, type }) => ({ name, type }))
  throw new RuntimeFailure(
    'OUTPUT_DIFFERS',
    `the output of ${node.id} has the columns ${names(found)}, and the bundle says ${names(node.columns)}`,
    { node: node.id, message: 'other columns', statement: null, offset: null },
    { hints: ['Compile the bundle again where the server can be asked.'] },
  )
}
