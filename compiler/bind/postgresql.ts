// Transforms that PostgreSQL executes → their queries in its spelling, checked by its own parser and, where the server can be
// asked, by preparing them there over empty tables. A transform of that dialect gets its columns from there, or from
// seeknal.lock.json. What could not be asked is said; no byte of the bundle depends on it but these columns.
// Reports BIND_SQL, BIND_NOT_TRANSLATED, BIND_NOT_ASKED.

import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import { columnsFingerprint } from '../../runtime/contract/manifest.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import type { Relation, ServerAnswer, Translation, TranslationRequest } from '../ports.ts'
import type { PostgresqlFacts } from '../resolve/postgresql.ts'
import type { ResolvedTransform } from '../resolve.ts'
import { placeInSql } from '../sql/placed-text.ts'
import {
  type PostgresqlQuery,
  type PostgresqlStatement,
  postgresqlQuery,
  spliceQuery,
  viewName,
} from '../sql/postgresql-query.ts'
import { originOf, type SplicedText } from '../sql/spliced-text.ts'
import type { Engine, LockedSource } from '../validate.ts'
import type { Output, SqlFacts, World } from './bound-node.ts'
import { type Answer, relationsOf } from './outputs.ts'
import { type TranslatedScript, translateScript } from './translated-script.ts'

type Finding = Extract<Translation, { kind: 'refused' }>['findings'][number]

/** A server that was not asked, and why. */
interface NotAsked {
  readonly nodes: NodeId[]
  message: string
  hints: readonly string[]
}

interface TranslationTask {
  readonly node: ResolvedTransform
  readonly request: TranslationRequest
}

/** A question that the server is asked, with its texts, statement by statement. */
interface Asked {
  readonly node: ResolvedTransform
  readonly query: PostgresqlQuery
  readonly key: string
  readonly texts: ReadonlyMap<number, SplicedText>
}

/** Asks one server, and remembers what it could not be asked. */
export class ServerBinding {
  readonly queries = new Map<NodeId, PostgresqlQuery>()
  readonly diagnostics: Diagnostic[] = []
  /** What seeknal.lock.json should hold of transforms. */
  readonly lock: Record<string, LockedSource> = {}
  readonly #engine: Engine
  readonly #known: Readonly<Record<string, LockedSource>>
  readonly #tables: TranslationRequest['serverTypes']
  readonly #world: World
  readonly #notAsked: NotAsked = { nodes: [], message: '', hints: [] }

  /** `tables`: the server's own types of tables that sources are views of. */
  constructor(
    engine: Engine,
    known: Readonly<Record<string, LockedSource>>,
    tables: TranslationRequest['serverTypes'],
    world: World,
  ) {
    this.#engine = engine
    this.#known = known
    this.#tables = tables
    this.#world = world
  }

  /** Columns of transforms in PostgreSQL's dialect; null where nobody knows them. `outputs` holds every input. */
  async describe(
    nodes: readonly (ResolvedTransform & { readonly postgresql: PostgresqlFacts })[],
    outputs: ReadonlyMap<string, Output>,
  ): Promise<readonly Answer[]> {
    const tasks = nodes.map((node) => ({ node, relations: relationsOf(node, outputs), asked: askedOf(node, outputs) }))
    const open = tasks.filter(({ node, asked }) => this.#world.acceptSources || this.#locked(node, asked) === null)
    const answers = await this.#ask(
      open.map(({ node, relations }) => {
        const serverTypes = this.#typesOf(node.inputs, outputs)
        return { node, query: node.postgresql.query, relations, serverTypes }
      }),
    )
    return tasks.flatMap(({ node, relations, asked }): Answer[] => {
      this.queries.set(node.id, node.postgresql.query)
      const answer = answers.get(node.id)
      if (answer === 'refused') return []
      const columns = answer ?? this.#locked(node, asked)
      if (columns !== null) this.lock[node.id] = { asked, columns }
      const described = { node, key: '', relations, output: outputOf(columns), facts: factsOf(node.postgresql) }
      return [{ kind: 'described', described }]
    })
  }

  #locked(node: ResolvedTransform, asked: string): LockedSource['columns'] | null {
    const known = this.#known[node.id]
    return known?.asked === asked ? known.columns : null
  }

  /** Translates transforms of DuckDB's dialect, and asks whether the server takes them. `outputs` holds every input. */
  async translate(nodes: readonly ResolvedTransform[], outputs: ReadonlyMap<string, Output>): Promise<void> {
    const tasks = nodes.flatMap((node) => {
      const [relations, columns] = [relationsOf(node, outputs), outputs.get(node.id)?.columns ?? null]
      if (relations === null || columns === null) return this.#lateBound(node)
      const request = { sql: node.sql.text, relations, columns, serverTypes: this.#typesOf(node.inputs, outputs) }
      return [{ node, request, key: `bind.translated ${fingerprintOf(request)}` }]
    })
    const open = tasks.filter(({ key }) => this.#world.cache.get(key) === undefined)
    for (const [i, translation] of (await this.#translated(open)).entries())
      if (translation !== null) this.#world.cache.set(open[i]?.key ?? '', translation)
    const asked = tasks.flatMap(({ node, request, key }) => {
      // Written above by this function only.
      const query = this.#world.cache.get(key) as PostgresqlQuery | undefined
      if (query === undefined) return []
      this.queries.set(node.id, query)
      return [{ node, query, relations: request.relations, serverTypes: request.serverTypes }]
    })
    await this.#ask(asked)
  }

  /** What only data can tell would have to be looked up in the database's own way. */
  #lateBound(node: ResolvedTransform): [] {
    this.#refuse(node, {
      message: `Only data can tell the columns of '${node.id}', or of what it reads, which the engine does not support.`,
      hints: SPELL_IT,
      start: 0,
      end: node.sql.text.length,
    })
    return []
  }

  /** The server's own types of what is read: of tables of others, and of what the server itself bound. */
  #typesOf(inputs: readonly NodeId[], outputs: ReadonlyMap<string, Output>): TranslationRequest['serverTypes'] {
    const found = inputs.flatMap((id) => {
      const types = this.#tables[id] ?? (this.lock[id] === undefined ? undefined : outputs.get(id)?.sourceTypes)
      return types === undefined ? [] : [[id, types] as const]
    })
    return Object.fromEntries(found)
  }

  #refuse(node: ResolvedTransform, finding: Finding): null {
    const { message, hints, start, end } = finding
    const place = placeInSql(node.sql, start, Math.max(1, end - start))
    this.diagnostics.push(errorAt('BIND_NOT_TRANSLATED', place, message, { facts: { node: node.id }, hints }))
    return null
  }

  async #translated(tasks: readonly TranslationTask[]): Promise<readonly (PostgresqlQuery | null)[]> {
    const { translateQueries, checkQueries } = this.#world
    const single = tasks.filter(({ node }) => node.sql.statements.length === 1)
    const answers = single.length === 0 ? [] : await translateQueries(single.map(({ request }) => request))
    const translations = new Map(single.map(({ node }, i) => [node.id, answers[i]]))
    const scripts = new Map<NodeId, TranslatedScript>()
    for (const { node, request } of tasks)
      if (!translations.has(node.id)) scripts.set(node.id, await translateScript(node, request, this.#world))
    const found = tasks.map(({ node }) => scripts.get(node.id) ?? translations.get(node.id))
    const sqls = found.map((one) => (one?.kind === 'translated' ? one.sql : ''))
    const checks = sqls.length === 0 ? [] : await checkQueries(sqls, 'script')
    return tasks.map(({ node }, i) => {
      const [translation, check] = [found[i], checks[i]]
      const whole = { start: 0, end: node.sql.text.length, hints: SPELL_IT }
      if (translation?.kind === 'refused') {
        for (const finding of translation.findings) this.#refuse(node, finding)
        return null
      }
      if (check?.kind !== 'query')
        return this.#refuse(node, { ...whole, message: `Its translation is no query: ${check?.message ?? ''}` })
      const { query, strange } = postgresqlQuery(sqls[i] ?? '', node.inputs, check, {})
      const [other] = strange
      return other === undefined
        ? query
        : this.#refuse(node, { ...whole, message: `Its translation reads '${other.name}'.` })
    })
  }

  /** Columns that the server gives; `refused`: it does not take the query, which is reported. Others were not asked. */
  async #ask(
    tasks: readonly {
      readonly node: ResolvedTransform
      readonly query: PostgresqlQuery
      readonly relations: readonly Relation[] | null
      readonly serverTypes: TranslationRequest['serverTypes']
    }[],
  ): Promise<ReadonlyMap<NodeId, LockedSource['columns'] | 'refused'>> {
    const found = new Map<NodeId, LockedSource['columns'] | 'refused'>()
    const keyed = tasks.flatMap(({ relations, ...task }) =>
      relations === null ? [] : [{ ...task, relations, key: questionKey(this.#engine, task, relations) }],
    )
    const known = (key: string) => this.#world.cache.get(key) as LockedSource['columns'] | undefined
    const open = keyed.filter(({ key }) => this.#world.acceptSources || known(key) === undefined)
    const asked = open.map((task) => ({ ...task, texts: new Map<number, SplicedText>() }))
    const questions = asked.map(({ node, query, relations, serverTypes, texts }) => {
      const textOf = (statement: PostgresqlStatement, i: number, schemaOf: (kind: string) => string): string => {
        const spliced = questionText(statement, schemaOf)
        texts.set(i, spliced)
        return spliced.text
      }
      return {
        node: node.id,
        relations,
        serverTypes,
        before: (schemaOf: (kind: string) => string) => query.before.map((one, i) => textOf(one, i, schemaOf)),
        sql: (schemaOf: (kind: string) => string) => textOf(query, query.before.length, schemaOf),
      }
    })
    const { connection } = this.#engine
    const answers =
      questions.length === 0 || connection === null ? [] : await this.#world.bindOnServer(connection, questions)
    for (const [i, task] of asked.entries()) this.#take(task, answers[i], found)
    for (const { node, key } of keyed) {
      const columns = known(key)
      if (columns !== undefined && !found.has(node.id)) found.set(node.id, columns)
    }
    return found
  }

  #take(
    { node, query, key, texts }: Asked,
    answer: ServerAnswer | undefined,
    found: Map<NodeId, LockedSource['columns'] | 'refused'>,
  ): void {
    if (answer?.kind === 'columns') {
      const columns = answer.columns.map(({ name, type, source_type }) => ({
        name,
        type: source_type === 'numeric' ? UNLIMITED : type,
        source_type,
      }))
      this.#world.cache.set(key, columns)
      found.set(node.id, columns)
    } else if (answer?.kind === 'error') {
      found.set(node.id, 'refused')
      this.diagnostics.push(refusal(node, answer, query, texts))
    } else {
      this.#notAsked.nodes.push(node.id)
      this.#notAsked.message = answer?.message ?? ''
      this.#notAsked.hints = answer?.hints ?? []
    }
  }

  /** What was left open because the server could not be asked. */
  notAsked(): readonly Diagnostic[] {
    const { nodes, message, hints } = this.#notAsked
    if (nodes.length === 0) return []
    const names = nodes.sort().slice(0, MOST_NAMES).join(', ') + (nodes.length > MOST_NAMES ? ', …' : '')
    return [
      warningAt(
        'BIND_NOT_ASKED',
        this.#engine.place,
        `The server of '${this.#engine.connection}' was not asked whether it takes the SQL of ${names}: ${message}`,
        { facts: { connection: this.#engine.connection, nodes }, hints },
      ),
    ]
  }
}

const MOST_NAMES = 8
/** A numeric that may have any number of digits, as readers in the other dialect see it. */
const UNLIMITED = 'DECIMAL(38,10)'
const SPELL_IT = ["Write the query in PostgreSQL's own SQL: 'dialect: postgresql'."]

/** Stands for what is asked: columns that were observed for something else are not known. */
const askedOf = (
  { postgresql, inputs }: { readonly postgresql: PostgresqlFacts; readonly inputs: readonly NodeId[] },
  outputs: ReadonlyMap<string, Output>,
): string =>
  fingerprintOf([postgresql.canonical, inputs.map((id) => [id, outputs.get(id)?.columnsFingerprint ?? null])])

const questionKey = (
  { connection }: Engine,
  { query: { text, before }, serverTypes }: { readonly query: PostgresqlQuery; readonly serverTypes: object },
  relations: readonly Relation[],
): string =>
  `bind.server ${fingerprintOf([connection, ...before.map((one) => one.text), text, serverTypes, relations.map((r) => [r.schema, r.name, columnsFingerprint(r.columns)])])}`

/** A statement over empty tables; values of the run have texts of their form in their place. */
const questionText = (statement: PostgresqlStatement, schemaOf: (kind: string) => string): SplicedText =>
  spliceQuery(statement, {
    path: (node) => `${schemaOf(node.slice(0, node.indexOf('.')))}.${viewName(node)}`,
    timestamp: "CAST('2000-01-01 00:00:00+00' AS timestamp with time zone)",
    variable: () => "CAST('2000-01-01' AS text)",
  })

function refusal(
  node: ResolvedTransform,
  answer: Extract<ServerAnswer, { kind: 'error' }>,
  query: PostgresqlQuery,
  texts: ReadonlyMap<number, SplicedText>,
): Diagnostic {
  const spliced = texts.get(answer.statement)
  const start = [...query.before, query][answer.statement]?.start ?? 0
  const offset = spliced === undefined ? null : start + (answer.offset === null ? 0 : originOf(spliced, answer.offset))
  // A translation's places are not the author's; of one statement the whole is meant where no place is known.
  const isKnown = offset !== null && node.postgresql !== undefined && (answer.offset !== null || start > 0)
  const place = isKnown
    ? placeInSql(node.sql, offset, /^[\w.]+/.exec(node.sql.text.slice(offset))?.[0].length ?? 1)
    : placeInSql(node.sql, 0, node.sql.text.length)
  return errorAt('BIND_SQL', place, `The server refuses it: ${answer.message}`, {
    facts: { node: node.id },
    hints: answer.hints,
  })
}

function outputOf(found: LockedSource['columns'] | null): Output {
  const columns = found?.map(({ name, type }) => ({ name, type })) ?? null
  const types = (found ?? []).flatMap(({ name, source_type }) =>
    source_type === undefined ? [] : [[name, source_type]],
  )
  const sourceTypes = Object.fromEntries(types)
  return { columns, columnsFingerprint: columns && columnsFingerprint(columns), casts: {}, sourceTypes }
}

const factsOf = ({ canonical, clock, volatile, orderDependent }: PostgresqlFacts): SqlFacts => ({
  lineage: null,
  reproducibility: { clock, volatile: [...volatile], order_dependent: [...orderDependent] },
  canonicalSql: canonical,
})
