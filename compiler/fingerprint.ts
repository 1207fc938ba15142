// Bound nodes → the manifest with fresh fingerprints: what a cold compile without a base gives. Definitions are
// canonical and independent of any version, clock, path or plan: what describes a node for people is not in them, nor
// what says the same as leaving it out. Pure, no engine.

import { byCodeUnit, fingerprintOf } from '../runtime/contract/canonical-json.ts'
import { checksFingerprint } from '../runtime/contract/checks.ts'
import { ENGINES } from '../runtime/contract/engines.ts'
import { Bug } from '../runtime/contract/failures.ts'
import type { Fingerprint, NodeId } from '../runtime/contract/ids.ts'
import {
  columnRef,
  type Lineage,
  type Manifest,
  type ManifestInput,
  type ManifestNode,
} from '../runtime/contract/manifest.ts'
import type { Target } from '../runtime/contract/targets.ts'
import { oddTypes } from './bind/server-types.ts'
import type { Bound, BoundNode } from './bind.ts'
import { readsByName } from './diff/trees.ts'
import { NO_RECORDS, type Records } from './outside.ts'
import {
  isFile,
  isKept,
  isTable,
  isTransform,
  type ResolvedNode,
  type ResolvedSource,
  type ResolvedTable,
  type ResolvedTransform,
} from './resolve.ts'
import { fromClause } from './rewrite/table-query.ts'
import type { Engine } from './validate.ts'
import { versionOf } from './versions.ts'

export interface Fingerprinted {
  readonly bound: Bound
  readonly manifest: Manifest
}

/** The records of nodes `outside` are taken over, with the versions that their inputs have now. */
export function fingerprint(bound: Bound, outside: Records = NO_RECORDS): Fingerprinted {
  const { project, order } = bound.graph
  const resolved = new Map(bound.graph.nodes.map((node) => [node.id, node]))
  const records = new Map<string, ManifestNode>()
  for (const id of order) {
    const [known, node, columns] = [outside.get(id), resolved.get(id), bound.bound.get(id)]
    if (known !== undefined) records.set(id, renewed(known, records))
    else if (node === undefined || columns === undefined) throw new Bug(`'${id}' was not bound`)
    else records.set(id, manifestNode(node, columns, project.settings, records, bound))
  }
  const manifest: Manifest = {
    format: 'seeknal.manifest/1',
    project: { name: project.name, version: project.version },
    engine: bound.engine,
    dialect: project.dialect,
    settings: { ...project.settings },
    nodes: [...records.values()].sort((a, b) => byCodeUnit(a.id, b.id)),
  }
  return { bound, manifest }
}

/** As it would be made over inputs of the same columns: itself, when their versions are the same. */
function renewed(record: ManifestNode, records: ReadonlyMap<string, ManifestNode>): ManifestNode {
  const isNew = record.inputs.some((edge) => edge.fingerprint !== versionIn(records, edge.ref))
  if (!isNew) return record
  return { ...record, inputs: record.inputs.map((edge) => ({ ...edge, fingerprint: versionIn(records, edge.ref) })) }
}

function versionIn(records: ReadonlyMap<string, ManifestNode>, id: string): Fingerprint {
  const input = records.get(id)
  if (input === undefined) throw new Bug(`'${id}' comes after its reader`)
  return versionOf(input)
}

type Settings = Readonly<Record<string, string>>

function manifestNode(
  node: ResolvedNode,
  bound: BoundNode,
  settings: Settings,
  inputs: ReadonlyMap<string, ManifestNode>,
  all: Bound,
): ManifestNode {
  const { kind, name, file, description, owner, tags, renamedFrom, volatile } = node.node
  const targets = all.targets.get(node.id)
  const checks = all.checks.get(node.id)
  const reads = readsIn(node, bound, inputs)
  const { engine } = all.graph.project
  const types = ENGINES[engine.name].isDatabase ? oddTypes(node, bound, engine) : null
  const definition = definitionOf(node, bound, settings, { inputs, targets, types })
  // Members in the order in which they are written: there are thousands, and each that is not in order is copied.
  return {
    ...(checks === undefined ? {} : { checks: [...checks], checks_fingerprint: checksFingerprint(checks) }),
    columns: bound.columns && [...bound.columns],
    columns_fingerprint: bound.columnsFingerprint,
    ...(bound.declared === undefined ? {} : { declared: [...bound.declared] }),
    definition,
    definition_fingerprint: fingerprintOf(definition),
    ...(description === undefined ? {} : { description }),
    file,
    id: node.id,
    inputs: node.inputs.map((id) => edgeTo(id, reads, inputs)),
    kind,
    lineage: bound.lineage,
    name,
    ...(owner === undefined ? {} : { owner }),
    parameters: [...node.parameters],
    ...(isTransform(node) && node.node.publish === 'table' ? { publish: 'table' as const } : {}),
    ...(renamedFrom === undefined ? {} : { renamed_from: renamedFrom }),
    reproducibility: bound.reproducibility,
    ...(types === null ? {} : { server_types: types }),
    ...readingOf(node, bound, engine),
    tags: [...tags],
    ...(targets === undefined ? {} : { targets: [...targets] }),
    ...(volatile === undefined ? {} : { volatile }),
  }
}

/** What the node reads besides its inputs. */
function readingOf(
  node: ResolvedNode,
  bound: BoundNode,
  engine: Engine,
): Pick<ManifestNode, 'dialect' | 'sql' | 'source_files' | 'source_table'> {
  if (isTransform(node)) return { ...dialectOf(node), sql: node.sql.text }
  if (!isTable(node)) {
    const header = mayBeginWithRow(node, bound) ? ({ header: false } as const) : {}
    return { source_files: { format: node.node.format, ...header, path: node.path } }
  }
  const { connection, node: own } = node
  const kept = ENGINES[engine.name].isDatabase && isKept(node, engine) ? ({ kept: true } as const) : {}
  return { source_table: { connection, from: fromClause(node), ...kept, type: own.format } }
}

/** Whether the first line of a CSV file is, or may be, a row. The engine calls columns without names column0, column1, … */
function mayBeginWithRow({ node, options }: ResolvedSource, { columns }: BoundNode): boolean {
  if (node.format !== 'csv') return false
  if (options.header !== undefined) return options.header === false
  const isNamed = options.names !== undefined || options.column_names !== undefined
  return isNamed || columns?.every(({ name }) => /^column\d+$/.test(name)) === true
}

const dialectOf = ({ node: { dialect } }: ResolvedTransform): { readonly dialect?: 'postgresql' } =>
  dialect === 'postgresql' ? { dialect } : {}

/** For each input the columns that the node reads; null: any. */
function readsIn(node: ResolvedNode, { lineage }: BoundNode, inputs: ReadonlyMap<string, ManifestNode>): Reads | null {
  if (lineage !== null) return readsOf(lineage)
  if (!isTransform(node) || node.postgresql === undefined) return null
  const found = readsByName(
    node.postgresql.shape,
    node.inputs.map((id) => [id, inputs.get(id)?.columns ?? null] as const),
  )
  const known = [...found].flatMap(([id, columns]) => (columns === null ? [] : [[id, new Set(columns)] as const]))
  return known.length < node.inputs.length ? null : new Map(known)
}

type Reads = ReadonlyMap<string, ReadonlySet<string>>

function edgeTo(id: NodeId, reads: Reads | null, inputs: ReadonlyMap<string, ManifestNode>): ManifestInput {
  return {
    covers: null,
    fingerprint: versionIn(inputs, id),
    reads: reads && [...(reads.get(id) ?? [])].sort(),
    ref: id,
  }
}

/** For each input the columns that any output column or the row set depends on. */
function readsOf(lineage: Lineage): ReadonlyMap<string, ReadonlySet<string>> {
  const reads = new Map<string, Set<string>>()
  for (const refs of [lineage.rows, ...Object.values(lineage.columns)])
    for (const ref of refs) {
      const { node, column } = columnRef(ref)
      const columns = reads.get(node)
      if (columns === undefined) reads.set(node, new Set([column]))
      else columns.add(column)
    }
  return reads
}

/** What a definition takes besides the node itself. */
interface Defining {
  /** At least the records of the node's inputs. */
  readonly inputs: ReadonlyMap<string, ManifestNode>
  readonly targets: readonly Target[] | undefined
  /** The server's own types of columns, where they are odd ones. */
  readonly types: Readonly<Record<string, string>> | null
}

/**
 * Everything that the output depends on; what is checked of it makes no row. Members that say nothing are left out, so
 * that adding an empty one is no change.
 */
function definitionOf(
  node: ResolvedNode,
  bound: BoundNode,
  settings: Settings,
  { inputs, targets: materializations, types }: Defining,
): Readonly<Record<string, unknown>> {
  const { volatile } = node.node
  const notNull = (bound.columns ?? []).filter((column) => column.not_null).map((column) => column.name)
  return {
    ...(bound.declared === undefined ? {} : { declared: bound.declared.map((column) => [column.name, column.type]) }),
    ...readingDefinition(node, bound, inputs),
    // By a type of its own the same text is compared and measured in another way.
    ...(types === null || !isTable(node) ? {} : { server_types: types }),
    kind: node.node.kind,
    ...(materializations === undefined ? {} : { materializations }),
    ...(notNull.length === 0 ? {} : { not_null: notNull.sort(byCodeUnit) }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...(isTransform(node) ? { ...dialectOf(node), sql: bound.canonicalSql } : {}),
    ...(isFile(node) ? { path: node.path.replace(/^(?:\.\/)+/, '') } : {}),
    ...(volatile === undefined ? {} : { volatile }),
  }
}

function readingDefinition(
  node: ResolvedNode,
  bound: BoundNode,
  inputs: Defining['inputs'],
): Readonly<Record<string, unknown>> {
  if (isTransform(node)) return queryDefinition(node, inputs)
  return isTable(node) ? tableDefinition(node, bound) : sourceDefinition(node, bound)
}

/**
 * The order of inputs is part of it: what they are called in the SQL may go by position. So are their columns: `SELECT *`,
 * set operations and NATURAL JOIN mean another function of the same rows when an input has other columns.
 */
const queryDefinition = (node: ResolvedTransform, inputs: Defining['inputs']): Readonly<Record<string, unknown>> => ({
  input_columns: node.inputs.map((id) => inputs.get(id)?.columns_fingerprint ?? null),
  inputs: node.inputs,
})

function sourceDefinition(node: ResolvedSource, bound: BoundNode): Readonly<Record<string, unknown>> {
  const options = Object.entries(node.options).filter(
    ([name, value]) => value !== READER_DEFAULTS[name] && value !== null,
  )
  return {
    columns: (bound.columns ?? []).map((column) => [column.name, column.type]),
    format: node.node.format,
    ...(options.length === 0 ? {} : { options: Object.fromEntries(options) }),
  }
}

/** Which connection is part of it, where that leads is not: each environment has its own. */
function tableDefinition(node: ResolvedTable, bound: BoundNode): Readonly<Record<string, unknown>> {
  const { asked, connection, over } = node
  const { growth, format } = node.node
  return {
    format,
    connection,
    ...(over === undefined ? {} : { over }),
    ...(asked.kind === 'query' ? { query: asked.canonical } : { table: fromClause(node) }),
    ...(growth === null
      ? {}
      : { growth: { time_column: growth.timeColumn, lookback_seconds: growth.lookbackSeconds } }),
    columns: (bound.columns ?? []).map((column) => [column.name, column.type]),
  }
}

/** Options whose value says the same as leaving them out. What the reader would sniff is not among them. */
const READER_DEFAULTS: Readonly<Record<string, unknown>> = {
  all_varchar: false,
  allow_quoted_nulls: true,
  auto_detect: true,
  binary_as_string: false,
  compression: 'auto',
  convert_strings_to_integers: false,
  file_row_number: false,
  filename: false,
  format: 'auto',
  hive_types_autocast: true,
  ignore_errors: false,
  normalize_names: false,
  null_padding: false,
  records: 'auto',
  sample_size: 20_480,
  strict_mode: true,
  union_by_name: false,
}
