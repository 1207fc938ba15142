// Outputs that a database holds: the tables of its store that the ledger names, which nobody changes; of a source that is a view
// of somebody else's table, that view. Reports what repl/outputs.ts reports, CONNECTION_FAILED.

import { type EnvironmentName, namespacePrefix } from '../contract/ids.ts'
import { isOnlyView, type Manifest } from '../contract/manifest.ts'
import { pgName, pgPrefixed } from '../contract/postgresql-names.ts'
import { kindSchema, viewNameOf } from '../contract/table-steps.ts'
import { QuerySession } from '../engines/postgresql/query-session.ts'
import { statementComment } from '../engines/postgresql/statement-comment.ts'
import { storedTable } from '../execute/table-views.ts'
import type { SharedState } from '../shared-state.ts'
import { readEnvManifest } from '../store/environments.ts'
import { readProduction } from '../store/generations.ts'
import type { Store } from '../store/store.ts'
import { type NamedOutput, type OutputSource, outputs, type PlaceOf } from './outputs.ts'
import type { ReplTable } from './state.ts'

/** `command`: whose statements they are. */
export function databaseOutputs(store: Store, shared: SharedState, command: string): OutputSource {
  let environment: EnvironmentName | null = null
  return {
    async tables(name) {
      await shared.refresh()
      environment = name
      return outputs(store, name, placeIn(store, shared, name))
    },
    open(tables, options = {}) {
      const { project } = shared.ledger
      return QuerySession.open({
        connection: shared.connection,
        tables: tables.map(relationOf),
        comment: statementComment({ project, environment: environment ?? 'production', command }),
        ...options,
      })
    },
  }
}

const relationOf = ({ schema, name, place }: ReplTable) => ({ schema, name, relation: place })

function placeIn(store: Store, shared: SharedState, environment: EnvironmentName | null): PlaceOf {
  const live = {
    production: liveNodes(readProduction(store)?.manifest ?? null),
    environment: liveNodes(environment === null ? null : readEnvManifest(store, environment)),
  }
  const prefix = environment === null ? '' : namespacePrefix(environment)
  return ({ id, state, from }: NamedOutput) => {
    const kind = live[from].get(id)
    if (kind === undefined) return { place: storedTable(id, state.snapshot), isLive: false }
    const schema = pgPrefixed(kindSchema(shared.schema, kind), from === 'environment' ? prefix : '')
    return { place: `${schema}.${pgName(viewNameOf(id))}`, isLive: true }
  }
}

/** Nodes that are views of somebody else's table, and their kinds. */
const liveNodes = (manifest: Manifest | null): ReadonlyMap<string, string> =>
  new Map((manifest?.nodes ?? []).flatMap((node) => (isOnlyView(node) ? [[node.id, node.kind] as const] : [])))
