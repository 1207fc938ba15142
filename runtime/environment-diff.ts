// An environment's outputs against production's, node by node: what `env diff` shows and report.md sums up. Reads the
// files of one generation and of the environment; changes nothing. Reports ENVIRONMENT_NOT_FOUND, NODE_NOT_FOUND, QUERY_FAILED.

import { nearest } from './contract/diagnostics.ts'
import { Diff } from './contract/diff.ts'
import { RuntimeFailure } from './contract/failures.ts'
import { asNodeId, type EnvironmentName, type NodeId } from './contract/ids.ts'
import type { Manifest, ManifestNode } from './contract/manifest.ts'
import { parseDocument } from './contract/schema.ts'
import { type ComparedOutput, numbers } from './data-diff/matching.ts'
import { type DataDiff, dataDiff } from './data-diff.ts'
import type { SqlSession } from './query.ts'
import type { OutputSource } from './repl/outputs.ts'
import type { ReplTable } from './repl/state.ts'
import { readEnvManifest, readEnvState } from './store/environments.ts'
import { readIfThere } from './store/files.ts'
import { inProject, pathIn, type Store, unlessDamaged } from './store/store.ts'
import { watchSignal } from './watch-signal.ts'

/** One output of the environment. `diff` is null for a new node, and where rows were not compared. */
export interface NodeDiff {
  readonly node: NodeId
  readonly production_rows: number | null
  readonly environment_rows: number
  readonly diff: DataDiff | null
}

export interface EnvironmentDiffRequest {
  /** Null: every output that the environment has of its own. */
  readonly node: string | null
  /** Examples a column; 0: no value is shown. */
  readonly samples: number
  /** Rows of larger outputs, and of more outputs, are not compared. Default: no limit. */
  readonly mostRows?: number
  readonly mostNodes?: number
}

/** Where the outputs are, and what keeps the documents of the environment. */
export interface ComparedOutputs {
  readonly store: Store
  readonly source: OutputSource
  readonly signal?: AbortSignal | undefined
}

export async function environmentDiff(
  { store, source, signal }: ComparedOutputs,
  environment: EnvironmentName,
  request: EnvironmentDiffRequest,
): Promise<readonly NodeDiff[]> {
  const production = new Map((await source.tables(null)).map((table) => [idOf(table), table]))
  const own = new Map(
    (await source.tables(environment))
      .filter((table) => table.from === 'environment')
      .map((table) => [idOf(table), table]),
  )
  const keys = keysOf(readEnvManifest(store, environment))
  const edited = editedColumns(store, environment)
  const wanted = request.node === null ? [...own.keys()] : [chosen(request.node, own, environment)]
  const pairs = wanted.flatMap((node): Pair[] => {
    const after = own.get(node)
    return after === undefined ? [] : [{ node, after, before: production.get(node) }]
  })
  const session = await source.open(tablesOf(pairs), { oneMoment: true })
  const unwatch = watchSignal(signal, session)
  try {
    const { mostRows = Number.POSITIVE_INFINITY, mostNodes = Number.POSITIVE_INFINITY } = request
    const diffs: NodeDiff[] = []
    let compared = 0
    for (const { node, after, before } of pairs) {
      const rows = { production_rows: before?.rows ?? null, environment_rows: after.rows ?? 0 }
      const isTooMuch = compared >= mostNodes || Math.max(rows.production_rows ?? 0, rows.environment_rows) > mostRows
      if (before === undefined || isTooMuch) {
        diffs.push({ node, ...rows, diff: null })
        continue
      }
      compared += 1
      const diff = await dataDiff(session, {
        before: await sized(session, before, 'production'),
        after: await sized(session, after, 'environment'),
        declaredKeys: keys.get(node) ?? [],
        edited: edited.get(node) ?? [],
        samples: request.samples,
      })
      diffs.push({ node, ...rows, diff })
    }
    return diffs
  } finally {
    unwatch()
    await session.close()
  }
}

interface Pair {
  readonly node: NodeId
  readonly after: ReplTable
  readonly before: ReplTable | undefined
}

/** Under names of their own: both are of one node. */
const tablesOf = (pairs: readonly Pair[]): readonly ReplTable[] =>
  pairs.flatMap(({ after, before }) => [
    { ...after, schema: `environment_${after.schema}` },
    ...(before === undefined ? [] : [{ ...before, schema: `production_${before.schema}` }]),
  ])

/** By node: what it declares to be unique, the key of an external table first, then tests, fewest columns first. */
function keysOf(manifest: Manifest | null): ReadonlyMap<string, readonly (readonly string[])[]> {
  return new Map(manifest?.nodes.map((node) => [node.id, [...targetKeys(node), ...testedKeys(node)]]))
}

function targetKeys({ definition }: ManifestNode): string[][] {
  const { materializations } = definition
  return (Array.isArray(materializations) ? materializations : []).flatMap(
    (target: Readonly<Record<string, unknown>>) => {
      const keys = target.unique_keys
      return Array.isArray(keys) && keys.length > 0 && keys.every((name) => typeof name === 'string') ? [keys] : []
    },
  )
}

const testedKeys = ({ checks = [] }: ManifestNode): (readonly string[])[] =>
  checks
    .filter((check) => check.type === 'unique')
    .map((check) => check.columns)
    .sort((a, b) => a.length - b.length)

/**
 * By node: the columns whose definition is another than production's, as the plan of what was applied says. Where any
 * column may be another, or all are, none is better than the others, and none is listed.
 */
function editedColumns(store: Store, environment: EnvironmentName): ReadonlyMap<string, readonly string[]> {
  const digest = readEnvState(store, environment)?.bundle
  const manifest = readEnvManifest(store, environment)
  if (digest === undefined) return new Map()
  const path = pathIn(store, 'bundles', digest, 'diff.json')
  const changes = unlessDamaged(
    () => {
      const text = readIfThere(path)
      return text === null ? [] : parseDocument(Diff, text, inProject(store, path), 'STATE_INVALID').changes
    },
    () => [],
  )
  return new Map(
    changes.map(({ node, columns_changed: changed }) => {
      const columns = manifest?.nodes.find(({ id }) => id === node)?.columns ?? []
      return [node, changed === null || columns.every(({ name }) => changed.includes(name)) ? [] : changed]
    }),
  )
}

/** Types as the engine has them now; the rows of somebody else's table as they are now. */
async function sized(
  session: SqlSession,
  { schema, name, columns, rows, isLive }: ReplTable,
  side: 'production' | 'environment',
): Promise<ComparedOutput> {
  const relation = `${side}_${schema}.${name}`
  const types = await session.typesOf(relation)
  return {
    relation,
    columns: columns.map((column) => ({ ...column, engineType: types.get(column.name) ?? column.type })),
    rows: isLive ? ((await numbers(session, `SELECT count(*) FROM ${relation}`))[0] ?? 0) : (rows ?? 0),
  }
}

const idOf = (table: ReplTable): NodeId => asNodeId(`${table.schema}.${table.name}`)

function chosen(text: string, own: ReadonlyMap<NodeId, ReplTable>, environment: EnvironmentName): NodeId {
  const found = [...own].find(
    ([id, table]) => id === text || table.name === text || `${table.schema}_${table.name}` === text,
  )
  if (found !== undefined) return found[0]
  const near = nearest(text, own.keys())
  const hint =
    near !== undefined
      ? `Did you mean '${near}'?`
      : own.size === 0
        ? `Nothing has been executed in it: \`seeknal env apply ${environment}\`.`
        : `It has: ${[...own.keys()].join(', ')}. Everything else is production's.`
  throw new RuntimeFailure(
    'NODE_NOT_FOUND',
    `Environment '${environment}' has no output of '${text}'.`,
    { node: text, environment },
    { hints: [hint] },
  )
}
