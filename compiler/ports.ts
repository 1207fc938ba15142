// What the passes need from the world, as arguments: an engine that parses, describes and plans SQL over empty
// tables, observed source schemas, a cache, template texts. The CLI fills them; nothing here has a side effect.

import type { Column } from '../runtime/contract/manifest.ts'

/** A syntax tree as the engine serialises it. Shape belongs to the pinned engine; read it only in compiler/sql/. */
export type Tree = Readonly<Record<string, unknown>>

/** Offsets count UTF-16 code units of the text that was given. */
export type ParseResult =
  /** One tree a statement; empty for text with no statement. */
  | { readonly kind: 'trees'; readonly trees: readonly Tree[] }
  | { readonly kind: 'syntax_error'; readonly message: string; readonly offset: number | null }
  /** The parser accepts it but cannot serialise it (PIVOT, DDL): callers take the safe answer. */
  | { readonly kind: 'opaque' }

/** What a statement does, by the engine's own classification. */
export type StatementKind =
  | 'select'
  | 'create'
  | 'insert'
  | 'update'
  | 'delete'
  | 'merge'
  | 'drop'
  | 'alter'
  | 'set'
  | 'copy'
  | 'attach'
  | 'detach'
  | 'load'
  | 'call'
  | 'explain'
  | 'pragma'
  | 'transaction'
  | 'other'

/** A relation that a query may read: an empty table of these columns stands for it. */
export interface Relation {
  readonly schema: string
  readonly name: string
  readonly columns: readonly Column[]
}

export interface DescribeRequest {
  /** Statements in order; the last is the query whose columns are asked for. */
  readonly statements: readonly string[]
  readonly relations: readonly Relation[]
}

export type DescribeResult =
  /**
   * Types as an output stores them in Parquet, which is what every reader sees: ENUM → VARCHAR, INTEGER[3] → INTEGER[],
   * HUGEINT → DECIMAL(38,0) (by an explicit cast, in `casts`: the writer would make a DOUBLE of it).
   */
  | { readonly kind: 'columns'; readonly columns: readonly Column[]; readonly casts: Readonly<Record<string, string>> }
  /** `offset` in the statement with that index, or null; `candidates` are the engine's nearest names. */
  | {
      readonly kind: 'error'
      readonly message: string
      readonly code: string
      readonly statement: number
      readonly offset: number | null
      readonly name: string | null
      readonly candidates: readonly string[]
    }
  /** Columns depend on data (PIVOT without IN): late-bound. */
  | { readonly kind: 'late' }

/** Queries that read each other, each one statement, inputs before readers. */
export interface ChainRequest {
  readonly queries: readonly ChainedQuery[]
  /** Relations that they read by the bare name, as they read each other: each name stands for one thing in the chain. */
  readonly named: readonly Relation[]
  /** Relations that they read as `schema.name`. */
  readonly relations: readonly Relation[]
}

export interface ChainedQuery {
  readonly name: string
  readonly sql: string
  /** Indexes of the queries before it that it reads. */
  readonly reads: readonly number[]
}

export interface PlanRequest {
  /** One SELECT that reads only `relations`. */
  readonly sql: string
  readonly relations: readonly Relation[]
  /** The project's settings of the engine. */
  readonly settings?: Readonly<Record<string, string>>
}

/** The port that passes call. Implemented over DuckDB in runtime/engines/duckdb/analysis.ts; one instance, calls in turn. */
export interface SqlEngine {
  /** Name and version, for example `duckdb v1.5.6`: part of every cache key. */
  readonly version: string
  parse(texts: readonly string[]): Promise<readonly ParseResult[]>
  /** The kind of each single statement, asked of the engine; 'other' when it cannot be prepared. */
  statementKinds(texts: readonly string[]): Promise<readonly StatementKind[]>
  describe(requests: readonly DescribeRequest[]): Promise<readonly DescribeResult[]>
  /** What `describe` says of each query; null where only it can tell: of all of them when one has a mistake. */
  describeChain(request: ChainRequest): Promise<readonly (DescribeResult | null)[]>
  /** JSON text of the optimised plan, or null when the engine cannot give one. Never throws. */
  plans(requests: readonly PlanRequest[]): Promise<readonly (string | null)[]>
  /** Lower-case names of functions that the engine's catalogue calls volatile. */
  volatileFunctions(): Promise<ReadonlySet<string>>
}

/** An SqlEngine that starts only when it is first asked, since loading the engine costs 0.1–0.3 s. */
export type LazySqlEngine = () => Promise<SqlEngine>

/** What is there to read for one file source. */
export interface SourceRequest {
  readonly node: string
  readonly format: 'csv' | 'parquet' | 'json'
  /** Path or glob relative to the project, parameters already put in. */
  readonly path: string
  /** Options of the reader, as in the YAML, already checked. */
  readonly options: Readonly<Record<string, unknown>>
  /** Types that columns should have, by name: answered when the rows that were looked at can be read so without loss. */
  readonly expected: Readonly<Record<string, string>>
}

/** What is asked of a database for one source. */
export interface TableRequest {
  readonly node: string
  /** Name of a connection of the profile. */
  readonly connection: string
  /** One SELECT in PostgreSQL's SQL. */
  readonly sql: string
}

export type TableObservation =
  | {
      readonly kind: 'columns'
      /** `type`: of the engine that executes; `source_type`: the database's own. */
      readonly columns: readonly { readonly name: string; readonly type: string; readonly source_type: string }[]
    }
  /** The server does not take the SELECT; `offset` in it, or null; `isMissing`: for a table or schema that is not there. */
  | {
      readonly kind: 'error'
      readonly message: string
      readonly offset: number | null
      readonly isMissing: boolean
      readonly hints: readonly string[]
    }
  /** It could not be asked: no profile, no such connection, no answer. */
  | { readonly kind: 'unreachable'; readonly message: string; readonly hints: readonly string[] }

/** Prepares the SELECTs on their servers. Never answered from a cache: whoever asks does not know the columns. */
export type ObserveTables = (requests: readonly TableRequest[]) => Promise<readonly TableObservation[]>

/** One statement of a text: its range, without a semicolon, and what it names besides temporary objects of the text. */
export interface CheckedStatement {
  readonly start: number
  readonly end: number
  readonly uses: readonly SchemaUse[]
  readonly facts: QueryFacts
}

/** What trees tell for sure; see runtime/engines/postgresql/query-shape.ts. */
export interface QueryShape {
  /** Every name by which a column may be read; null: also others are. */
  readonly names: readonly string[] | null
  /** Names behind a dot; `of`: the relations with a schema before it. */
  readonly attributes: readonly {
    readonly name: string
    readonly of: readonly string[]
    readonly isDefined: boolean
  }[]
  /** Null: no plain SELECT. `rest` stands for all but the items. */
  readonly select: {
    readonly rest: string
    readonly items: readonly {
      readonly name: string | null
      readonly isStar: boolean
      readonly digest: string
      readonly effect: 'none' | 'aggregate' | 'any'
    }[]
    readonly isGrouped: boolean
    readonly ordered: readonly string[]
    readonly numbered: number
  } | null
}

/** What a database's own parser says of a text that should be one SELECT which changes nothing. */
export type QueryCheck =
  /** `canonical` stands for the whole text whatever its formatting and comments; the rest is the query's, which comes last. */
  | (CheckedStatement & {
      readonly kind: 'query'
      readonly canonical: string
      readonly before: readonly CheckedStatement[]
      /** Of the whole text. */
      readonly shape: QueryShape
    })
  | { readonly kind: 'error'; readonly what: 'syntax' | 'statement'; readonly message: string; readonly offset: number }

/** What the rows of a query depend on besides what it reads; offsets in UTF-16 code units. */
export interface QueryFacts {
  /** Where the clock is read, with the type of what that gives. */
  readonly clock: readonly { readonly type: string; readonly start: number }[]
  /** Calls of getvariable('name'). */
  readonly variables: readonly { readonly name: string; readonly start: number }[]
  readonly volatile: readonly string[]
  readonly orderDependent: readonly string[]
}

/** A query of DuckDB's dialect that an engine with another one is to execute; its inputs are spelled `kind.name`. */
export interface TranslationRequest {
  readonly sql: string
  /** What it reads: columns with DuckDB's types. */
  readonly relations: readonly Relation[]
  /** The columns that DuckDB gives it, as stored. */
  readonly columns: readonly Column[]
  /** The server's own types of columns, where they may be others than the counterparts of DuckDB's: node → column → type. */
  readonly serverTypes: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export type Translation =
  /** Inputs are spelled `kind.name`, values of the run as calls of getvariable(). */
  | {
      readonly kind: 'translated'
      readonly sql: string
      /** DuckDB's types of its columns within a query, which may be none of those that are stored. */
      readonly types: readonly string[]
    }
  | {
      readonly kind: 'refused'
      /** What of it is not translated, each with its place in the text that was given. */
      readonly findings: readonly {
        readonly message: string
        readonly hints: readonly string[]
        readonly start: number
        readonly end: number
      }[]
    }

export type TranslateQueries = (requests: readonly TranslationRequest[]) => Promise<readonly Translation[]>

/** A query that the server of the engine is asked about. */
export interface ServerQuestion {
  readonly node: string
  /** As of a translation. */
  readonly serverTypes: TranslationRequest['serverTypes']
  /** The query, given where the relations of each kind are. */
  readonly sql: (schemaOf: (kind: string) => string) => string
  /** What is executed before it, about temporary objects; absent: nothing. */
  readonly before?: (schemaOf: (kind: string) => string) => readonly string[]
  readonly relations: readonly Relation[]
}

export type ServerAnswer =
  | Extract<TableObservation, { kind: 'columns' }>
  /** `offset` in the statement with that number: one of `before`, or, behind these, what `sql` gave. */
  | (Omit<Extract<TableObservation, { kind: 'error' }>, 'isMissing'> & { readonly statement: number })
  | Extract<TableObservation, { kind: 'unreachable' }>

/** Prepares queries over empty tables on a server, in a transaction that is rolled back. */
export type BindOnServer = (
  connection: string,
  questions: readonly ServerQuestion[],
) => Promise<readonly ServerAnswer[]>

/** `script`: statements about temporary objects may stand before the query. */
export type CheckQueries = (texts: readonly string[], allowed?: 'query' | 'script') => Promise<readonly QueryCheck[]>

/** A text of PostgreSQL, and what a text that reads alike in another dialect is translated to; relations are `kind.name`. */
export interface SameRequest {
  readonly own: string
  readonly theirs: string
  /** By `kind.name` in lower case. */
  readonly columns: ReadonlyMap<string, readonly string[]>
}

/** Whether both are one query to PostgreSQL; see runtime/engines/postgresql/same-query.ts. */
export type SameQueries = (requests: readonly SameRequest[]) => Promise<readonly boolean[]>

/** Defaults of the profile by type of source; no secret is among them. */
export type SourceDefaults = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>

/** By connection of the profile: the schema of tables that are named without one, where it says one. */
export type ConnectionSchemas = Readonly<Record<string, string>>

export type SourceObservation =
  | {
      readonly kind: 'columns'
      readonly columns: readonly Column[]
      /** What files hold besides, as far as it could be told at little cost. Absent: nothing. */
      readonly unread?: readonly { readonly file: string; readonly column: string }[]
    }
  /** No file matches; what may have been meant. */
  | { readonly kind: 'absent'; readonly hints?: readonly string[] }
  /** There are files, and nothing is in them, or blank lines. */
  | { readonly kind: 'empty'; readonly isBlank: boolean }
  | { readonly kind: 'error'; readonly message: string }
  /** It was not looked at: it is no data of the project. */
  | { readonly kind: 'refused'; readonly message: string; readonly hints: readonly string[] }

/** Looks at source files; the answer may come from a cache keyed by the files' size and time. */
export type ObserveSources = (requests: readonly SourceRequest[]) => Promise<readonly SourceObservation[]>

/**
 * Results of earlier compiles by content hash. Values are JSON. Losing it costs time, never correctness. It belongs to one
 * version of this program and of the engine: whoever opens it starts an empty one when either is another.
 */
export interface CompileCache {
  get(key: string): unknown
  set(key: string, value: unknown): void
  /** The same cache, which does not know what only reading megabytes could tell. Absent: it has none to read. */
  withoutReading?(): CompileCache
}

/** What is kept of a compile: `head` is JSON. */
export interface KeptResult {
  readonly head: unknown
  readonly texts: ReadonlyMap<string, string>
}

/** The result of the last compile of each slot, under the same conditions as `CompileCache`; one that was damaged is none. */
export interface ResultCache {
  get(slot: string): Promise<KeptResult | undefined>
  set(slot: string, result: KeptResult): void
}

export const noCache: CompileCache = { get: () => undefined, set: () => undefined }

/** Of a project that reads no database. */
export const noDatabases = {
  observeTables: async (): Promise<readonly TableObservation[]> => [],
  checkQueries: async (): Promise<readonly QueryCheck[]> => [],
  sameQueries: async (requests: readonly SameRequest[]): Promise<readonly boolean[]> => requests.map(() => false),
  sourceDefaults: {},
  connectionSchemas: {},
  translateQueries: async (requests: readonly TranslationRequest[]): Promise<readonly Translation[]> =>
    requests.map(({ sql }) => ({
      kind: 'refused',
      findings: [{ message: 'There is no translation.', hints: [], start: 0, end: sql.length }],
    })),
  bindOnServer: async (_: string, questions: readonly ServerQuestion[]): Promise<readonly ServerAnswer[]> =>
    questions.map(() => ({ kind: 'unreachable', message: 'There is no server.', hints: [] })),
} as const

/** A place where SQL of a database names something of a schema. Found by runtime/engines/postgresql/relations.ts. */
export interface SchemaUse {
  readonly what: 'relation' | 'column' | 'function' | 'type' | 'operator' | 'literal'
  /** Of a relation: whether it is written. */
  readonly role: 'read' | 'write'
  /** Null: the search path decides. */
  readonly schema: string | null
  readonly name: string
  /** In UTF-16 code units. */
  readonly start: number
}
