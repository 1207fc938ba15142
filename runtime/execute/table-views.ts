// Outputs of an engine that is a database → the views by which they are read: over a table of the store, or, of a source, over
// somebody else's table by the query of its step. Pure. Reports BUNDLE_INVALID.

import { type BuildStep, type BundleFile, tableOf } from '../contract/bundle.ts'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import type { LedgerView } from '../contract/ledger.ts'
import { isOnlyView, type Manifest, type ManifestNode } from '../contract/manifest.ts'
import { pgName, pgPrefixed } from '../contract/postgresql-names.ts'
import type { NodeState, Snapshot } from '../contract/state.ts'
import {
  kindSchema,
  STORE_SCHEMA,
  type StepQuery,
  tableNameOf,
  tableStepQuery,
  viewNameOf,
} from '../contract/table-steps.ts'

/** A table of the store, as SQL spells it. */
export const storedTable = (node: string, { sha256 }: Pick<Snapshot, 'sha256'>): string =>
  `${STORE_SCHEMA}.${pgName(tableNameOf(node, sha256))}`

/** The query of a step's file, and where it begins. Throws BUNDLE_INVALID when the file does something else. */
export function queryOfStep(
  step: BuildStep,
  node: ManifestNode,
  { contract, files }: { readonly contract: BundleFile; readonly files: ReadonlyMap<string, string> },
): StepQuery {
  const output = tableOf(step)
  if (output === null) throw new Bug(`${step.node} is no output of a database`)
  const { prefix } = contract
  const view = `${pgPrefixed(output.schema.slice(prefix.length), prefix)}.${pgName(output.name)}`
  const publish = output.publish === undefined ? {} : { publish: output.publish }
  const types = step.extract?.types ?? {}
  const made = { made: output.made, ...publish, view, columns: node.columns ?? [], node: node.id, types }
  const found = tableStepQuery(made, files.get(step.file) ?? '')
  if (found !== null) return found
  throw new RuntimeFailure('BUNDLE_INVALID', `the SQL of step '${step.id}' is not what makes its output`, {
    node: node.id,
  })
}

export interface ViewsRequest {
  readonly manifest: Manifest
  readonly nodes: Readonly<Record<string, Pick<NodeState, 'snapshot'>>>
  /** Production's schema of what transforms make. */
  readonly schema: string
  readonly prefix: string
  /** The query of a source's view, where the bundle at hand has its step; else its view is one of `before`. */
  readonly queryOf: (node: ManifestNode) => string | null
  readonly before: readonly LedgerView[]
}

/** Sorted by node. */
export function viewsOf({ manifest, nodes, schema, prefix, queryOf, before }: ViewsRequest): LedgerView[] {
  const known = new Map(before.map((view) => [`${view.schema}.${view.name}`, view.query]))
  return manifest.nodes.flatMap((node): LedgerView[] => {
    const state = nodes[node.id]
    if (state === undefined) return []
    const [own, name] = [`${prefix}${kindSchema(schema, node.kind)}`, viewNameOf(node.id)]
    const query = !isOnlyView(node)
      ? `TABLE ${storedTable(node.id, state.snapshot)}`
      : (queryOf(node) ?? known.get(`${own}.${name}`))
    if (query === undefined) throw new Bug(`the view of ${node.id} is not known`)
    return [{ schema: own, name, query, ...(node.publish === 'table' ? { table: true } : {}) }]
  })
}
