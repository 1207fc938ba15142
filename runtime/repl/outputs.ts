// The outputs that SQL may read: production's current generation, and over it those of an environment, without what
// the environment removed. Production is looked up once. Reports STATE_NOT_FOUND, ENVIRONMENT_NOT_FOUND.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type EnvironmentName, type NodeId, outputStem } from '../contract/ids.ts'
import { parseDocument } from '../contract/schema.ts'
import { type NodeState, Plan, type RunState } from '../contract/state.ts'
import type { SqlSession } from '../query.ts'
import { readEnvState } from '../store/environments.ts'
import { readIfThere } from '../store/files.ts'
import { readProduction } from '../store/generations.ts'
import { environmentFolder, inProject, type Store } from '../store/store.ts'
import type { ReplTable } from './state.ts'

/** An output as a state names it. */
export interface NamedOutput {
  readonly id: NodeId
  readonly state: NodeState
  readonly from: ReplTable['from']
  /** Of the generation, or of the environment. */
  readonly folder: string
}

/** Where an output is; null: nowhere. */
export type PlaceOf = (output: NamedOutput) => Pick<ReplTable, 'place' | 'isLive'> | null

/** Where the outputs of a project are, and how SQL reads them. */
export interface OutputSource {
  /** Sorted by node. Empty when nothing has been executed yet. */
  tables(environment: EnvironmentName | null): Promise<readonly ReplTable[]>
  /** `oneMoment`: all statements see the same rows. The caller closes it. */
  open(tables: readonly ReplTable[], options?: { readonly oneMoment?: boolean }): Promise<SqlSession>
}

/** Outputs that are files. `scratchDirectory` is for larger-than-memory work and exports; absolute. */
export const fileOutputs = (store: Store, scratchDirectory: string): OutputSource => ({
  tables: async (environment) => outputs(store, environment, placeOfFile),
  async open(tables) {
    const { QuerySession } = await import('../engines/duckdb/query-session.ts')
    const files = tables.map(({ schema, name, place }) => ({ schema, name, file: place }))
    return QuerySession.open({ tables: files, scratchDirectory })
  },
})

const placeOfFile: PlaceOf = ({ id, folder }) => {
  const place = join(folder, 'intermediate', `${outputStem(id)}.parquet`)
  return existsSync(place) ? { place, isLive: false } : null
}

/** Sorted by node. */
export function outputs(store: Store, environment: EnvironmentName | null, placeOf: PlaceOf): readonly ReplTable[] {
  const found = new Map<NodeId, ReplTable>()
  const production = readProduction(store)
  if (production !== null) addAll(found, production.state, { folder: production.folder, from: 'production', placeOf })
  if (environment !== null) addEnvironment(found, store, environment, placeOf)
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, table]) => table)
}

function addEnvironment(
  found: Map<NodeId, ReplTable>,
  store: Store,
  environment: EnvironmentName,
  placeOf: PlaceOf,
): void {
  const folder = environmentFolder(store, environment)
  if (!existsSync(folder)) {
    const hints = [`Plan it with \`seeknal env plan ${environment}\`; \`seeknal env list\` shows those that exist.`]
    throw new RuntimeFailure(
      'ENVIRONMENT_NOT_FOUND',
      `There is no environment '${environment}'.`,
      { environment },
      { hints },
    )
  }
  const planText = readIfThere(join(folder, 'plan.json'))
  if (planText !== null) {
    const plan = parseDocument(Plan, planText, inProject(store, join(folder, 'plan.json')), 'STATE_INVALID')
    for (const id of plan.removed_nodes) found.delete(asNodeId(id))
  }
  const state = readEnvState(store, environment)
  if (state !== null) addAll(found, state, { folder, from: 'environment', placeOf })
}

/** Outputs that there are, and not on this machine; `own`: the environment's. Sorted. */
export function missingOutputs(
  store: Store,
  environment: EnvironmentName | null,
): { readonly production: readonly string[]; readonly own: readonly string[] } {
  const missing = (state: RunState | null, folder: string): readonly string[] =>
    Object.keys(state?.nodes ?? {})
      .filter((id) => !existsSync(join(folder, 'intermediate', `${outputStem(asNodeId(id))}.parquet`)))
      .sort()
  const production = readProduction(store)
  return {
    production: production === null ? [] : missing(production.state, production.folder),
    own: environment === null ? [] : missing(readEnvState(store, environment), environmentFolder(store, environment)),
  }
}

interface Among {
  readonly folder: string
  readonly from: ReplTable['from']
  readonly placeOf: PlaceOf
}

function addAll(
  found: Map<NodeId, ReplTable>,
  { nodes, checks }: Pick<RunState, 'nodes' | 'checks'>,
  { folder, from, placeOf }: Among,
): void {
  for (const [text, state] of Object.entries(nodes)) {
    const id = asNodeId(text)
    const place = placeOf({ id, state, from, folder })
    // One that is not here is not that of production either.
    if (place === null) {
      found.delete(id)
      continue
    }
    const [schema = '', name = ''] = id.split('.')
    const { columns, rows, digest } = state.snapshot
    const checked = checks?.[id]
    const results = checked?.digest === digest ? checked.results : []
    found.set(id, { schema, name, ...place, columns, rows, checks: results, from })
  }
}
