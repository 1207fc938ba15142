// manifest.json: the compiled description of all nodes. Documents of the contract keep their on-disk spelling
// (snake_case) in memory too, so that what is hashed, written and compared is one thing. Described in FORMAT.md.

import Type, { type Static } from 'typebox'
import { fingerprintOf } from './canonical-json.ts'
import { Check } from './checks.ts'
import { asFingerprint, type Fingerprint } from './ids.ts'
import { Target } from './targets.ts'

const strict = { additionalProperties: false } as const
export const Hex = Type.String({ pattern: '^[0-9a-f]{64}$' })
export const NodeIdText = Type.String({ pattern: '^[a-z_]+\\.[A-Za-z_][A-Za-z0-9_]*$' })

/** One output column. `type` is the engine's own spelling (`DECIMAL(18,2)`, `STRUCT(a INTEGER)`). */
export const Column = Type.Object(
  {
    name: Type.String(),
    type: Type.String(),
    not_null: Type.Optional(Type.Literal(true)),
    description: Type.Optional(Type.String()),
  },
  strict,
)
export type Column = Static<typeof Column>

/** A column of a node, written `transform.orders.amount`: what follows the second dot is the column. */
export const ColumnRefText = Type.String({ pattern: '^[a-z_]+\\.[A-Za-z_][A-Za-z0-9_]*\\.' })

export interface ColumnRef {
  readonly node: string
  readonly column: string
}

export const columnRefText = ({ node, column }: ColumnRef): string => `${node}.${column}`

/** The inverse of `columnRefText`. */
export function columnRef(text: string): ColumnRef {
  const end = text.indexOf('.', text.indexOf('.') + 1)
  return { node: text.slice(0, end), column: text.slice(end + 1) }
}

/**
 * One edge. `fingerprint` stands for what the reader can see of the input: it is renewed when a column that the reader
 * reads (or the row set) may have changed, and carried over from the base manifest otherwise. `covers` are the columns
 * for which a carried fingerprint was proven (null: all), `against` is the input's fresh edge at the time of that proof
 * (absent: `fingerprint` is that). `reads` are the columns read, by syntax (null: any).
 */
export const ManifestInput = Type.Object(
  {
    ref: NodeIdText,
    fingerprint: Hex,
    against: Type.Optional(Hex),
    covers: Type.Union([Type.Array(Type.String()), Type.Null()]),
    reads: Type.Union([Type.Array(Type.String()), Type.Null()]),
  },
  strict,
)
export type ManifestInput = Static<typeof ManifestInput>

/** For each output column and for the row set (filters, joins, grouping): the input columns it comes from. Null: not known. */
export const Lineage = Type.Object(
  { rows: Type.Array(ColumnRefText), columns: Type.Record(Type.String(), Type.Array(ColumnRefText)) },
  strict,
)
export type Lineage = Static<typeof Lineage>

export const Reproducibility = Type.Object(
  {
    /** Reads the run's timestamp. */
    clock: Type.Boolean(),
    /** Volatile functions by the engine's catalogue, sorted. */
    volatile: Type.Array(Type.String()),
    /** Constructs whose result depends on an order that nothing fixes, sorted: `limit`, `any_value`, `row_number`, `float_sum`… */
    order_dependent: Type.Array(Type.String()),
  },
  strict,
)
export type Reproducibility = Static<typeof Reproducibility>

/** Files that a source reads: paths or globs relative to the `data` root, as written. */
export const SourceFiles = Type.Object(
  {
    format: Type.String(),
    /** Of CSV whose first line is, or may be, a row. */
    header: Type.Optional(Type.Literal(false)),
    path: Type.String(),
  },
  strict,
)

/** Rows of a database that a source reads, by a connection of the profile. */
export const SourceTable = Type.Object(
  {
    type: Type.Literal('postgresql'),
    connection: Type.String(),
    /** What stands behind FROM in the database's own SQL. */
    from: Type.String(),
    /** Its rows are kept in a table of the engine's database, which is another one; or they are those of a run's values. */
    kept: Type.Optional(Type.Literal(true)),
  },
  strict,
)
export type SourceTable = Static<typeof SourceTable>

export const ManifestNode = Type.Object(
  {
    id: NodeIdText,
    kind: Type.String(),
    name: Type.String(),
    /** Relative to the project; part of no fingerprint. */
    file: Type.String(),
    description: Type.Optional(Type.String()),
    owner: Type.Optional(Type.String()),
    tags: Type.Array(Type.String()),
    renamed_from: Type.Optional(Type.String()),
    /** The functional definition in canonical form; what is hashed. SQL is in it as the hash of its canonical form. */
    definition: Type.Record(Type.String(), Type.Unknown()),
    /** SHA-256 of the canonical text of `definition`, or the base's when the engine proved both equal. */
    definition_fingerprint: Hex,
    /** What is checked of the output, sorted by id; absent: nothing. No part of `definition`. */
    checks: Type.Optional(Type.Array(Check, { minItems: 1 })),
    /** SHA-256 of the canonical text of `checks`. */
    checks_fingerprint: Type.Optional(Hex),
    /** Tables of other databases that the output is written to, in their order; absent: none. Part of `definition`. */
    targets: Type.Optional(Type.Array(Target, { minItems: 1 })),
    /** In the order of the YAML. */
    inputs: Type.Array(ManifestInput),
    /** Null: late-bound, only data can tell. */
    columns: Type.Union([Type.Array(Column), Type.Null()]),
    /** SHA-256 of the ordered (name, type) list. */
    columns_fingerprint: Type.Union([Hex, Type.Null()]),
    /** Types that the output must have where it has these columns; only where data alone can tell which it has. */
    declared: Type.Optional(Type.Array(Column, { minItems: 1 })),
    /** Of `sql`; absent: the engine's analyst, DuckDB, reads it. */
    dialect: Type.Optional(Type.Literal('postgresql')),
    /** Where the engine is a database: its own types of columns that are others than what it has for `type`. */
    server_types: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** Where the engine is a database: people read a table instead of a view. */
    publish: Type.Optional(Type.Literal('table')),
    lineage: Type.Union([Lineage, Type.Null()]),
    reproducibility: Reproducibility,
    volatile: Type.Optional(Type.Union([Type.Literal('day'), Type.Literal('always')])),
    /** Names of the run's parameters that the SQL or the path reads (`run_date`, `env.NAME`), sorted. */
    parameters: Type.Array(Type.String()),
    /** The author's SQL in production's spelling: refs as `kind.name`, parameters as variables. Transforms only. */
    sql: Type.Optional(Type.String()),
    source_files: Type.Optional(SourceFiles),
    source_table: Type.Optional(SourceTable),
  },
  strict,
)
export type ManifestNode = Static<typeof ManifestNode>

export const Manifest = Type.Object(
  {
    format: Type.Literal('seeknal.manifest/1'),
    project: Type.Object({ name: Type.String(), version: Type.String() }, strict),
    engine: Type.String(),
    dialect: Type.String(),
    /** Settings of the engine that change results, name → value. */
    settings: Type.Record(Type.String(), Type.String()),
    /** Sorted by id. */
    nodes: Type.Array(ManifestNode),
  },
  strict,
)
export type Manifest = Static<typeof Manifest>

/** Where the engine is a database: whether the output is nothing but a view over what a source names there. */
export const isOnlyView = ({ source_table: table }: Pick<ManifestNode, 'source_table'>): boolean =>
  table !== undefined && table.kept !== true

/** Fingerprint of the ordered list of (name, type) of an output. Pure. */
export const columnsFingerprint = (columns: readonly Column[]): Fingerprint =>
  fingerprintOf(columns.map((c) => [c.name, c.type]))

/**
 * The fingerprint of an edge from `node` when nothing is carried over: its definition and its own edges.
 * Used by the compiler for new edges and by the runtime for an input that was left at an older version. Pure.
 */
export const freshEdge = (node: Pick<ManifestNode, 'definition_fingerprint' | 'inputs'>): Fingerprint =>
  fingerprintOf({ definition: node.definition_fingerprint, inputs: node.inputs.map((i) => [i.ref, i.fingerprint]) })

/**
 * Stands for a node's whole functional definition: what its rows are made from, and what is checked of them. What a plan
 * is based on; never what an output was made from, since checks make no rows. Pure.
 */
export const wholeDefinition = (
  node: Pick<ManifestNode, 'definition_fingerprint' | 'checks_fingerprint'>,
): Fingerprint =>
  node.checks_fingerprint === undefined
    ? asFingerprint(node.definition_fingerprint)
    : fingerprintOf({ definition: node.definition_fingerprint, checks: node.checks_fingerprint })

/** Whether the node's rows are a function of its inputs, the run's timestamp and parameters. */
export const isReproducible = (r: Reproducibility): boolean => r.volatile.length === 0 && r.order_dependent.length === 0

/** Parameters that are another with each run: reading them makes no node due. */
export const RUN_NAMES: readonly string[] = ['run_id', 'run_timestamp']

/** Parameters of which a node's output depends on the values. */
export const runParameters = ({ parameters }: Pick<ManifestNode, 'parameters'>): readonly string[] =>
  parameters.filter((name) => !RUN_NAMES.includes(name))

/**
 * Whether only the rows themselves can tell a reader that they changed: what the node computes is no function of its
 * inputs and parameters alone. (Clock functions and names of the run differ between runs.)
 */
export const rowsDecide = (node: ManifestNode): boolean =>
  node.source_table !== undefined ||
  !isReproducible(node.reproducibility) ||
  node.reproducibility.clock ||
  node.volatile !== undefined ||
  node.parameters.some((name) => RUN_NAMES.includes(name))
