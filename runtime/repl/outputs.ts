// The outputs that SQL may read: production's current generation, and over it those of an environment, without what
// the environment removed. Production is looked up once. Reports STATE_NOT_FOUND, ENVIRONMENT_NOT_FOUND.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type EnvironmentName, type NodeId, outputStem } from '../contract/ids.ts'
import { parseDocument } from '../contract/schema.ts'
import { Plan, type RunState } from '../contract/state.ts'
import { readEnvState } from '../store/environments.ts'
import { readIfThere } from '../store/files.ts'
import { readProduction } from '../store/generations.ts'
import { environmentFolder, inProject, type Store } from '../store/store.ts'
import type { ReplTable } from './state.ts'

/** Sorted by node. Empty when nothing has been executed yet. */
export function outputs(store: Store, environment: EnvironmentName | null): readonly ReplTable[] {
  const found = new Map<NodeId, ReplTable>()
  const production = readProduction(store)
  if (production !== null) addAll(found, production.state, join(production.folder, 'intermediate'), 'production')
  if (environment !== null) addEnvironment(found, store, environment)
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, table]) => table)
}

function addEnvironment(found: Map<NodeId, ReplTable>, store: Store, environment: EnvironmentName): void {
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
  if (state !== null) addAll(found, state, join(folder, 'intermediate'), 'environment')
}

function addAll(
  found: Map<NodeId, ReplTable>,
  { nodes, checks }: Pick<RunState, 'nodes' | 'checks'>,
  folder: string,
  from: ReplTable['from'],
): void {
  for (const [text, node] of Object.entries(nodes)) {
    const id = asNodeId(text)
    const file = join(folder, `${outputStem(id)}.parquet`)
    if (!existsSync(file)) continue
    const [schema = '', name = ''] = id.split('.')
    const { columns, rows, digest } = node.snapshot
    const checked = checks?.[id]
    const results = checked?.digest === digest ? checked.results : []
    found.set(id, { schema, name, file, columns, rows, checks: results, from })
  }
}
