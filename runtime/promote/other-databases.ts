// What an environment read from other databases than production's: rows that a promotion brings until the next run has read
// production's own, and that are never written to production's tables.
// Reports ENVIRONMENT_READ_ELSEWHERE.

import type { OpenedBundle } from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type NodeId } from '../contract/ids.ts'
import type { RunState } from '../contract/state.ts'

interface Promoted {
  readonly bundle: OpenedBundle
  /** The environment's. */
  readonly state: RunState
}

/** Sources that the environment read elsewhere, sorted. `placeOf`: where a connection leads in production; null: not known. */
export function readElsewhere(
  { bundle, state }: Promoted,
  placeOf: (connection: string) => string | null,
): readonly NodeId[] {
  const found = bundle.manifest.nodes.filter(({ id, source_table: table }) => {
    const read = state.nodes[id]?.place
    const own = table === undefined || read === undefined ? null : placeOf(table.connection)
    return own !== null && own !== read
  })
  return found.map(({ id }) => asNodeId(id)).sort()
}

/** Throws ENVIRONMENT_READ_ELSEWHERE (facts: relations, sources) when an output that is to be written to a table of production is made of such rows. */
export function requireOwnRows(
  { bundle }: Promoted,
  {
    readElsewhere: elsewhere,
    dueTargets: due,
  }: {
    readonly readElsewhere: readonly NodeId[]
    readonly dueTargets: readonly { readonly node: string; readonly relation: string }[]
  },
): void {
  const inputs = new Map(bundle.manifest.nodes.map((node) => [node.id, node.inputs.map(({ ref }) => ref)]))
  const seen = new Map<string, boolean>()
  const isForeign = (id: string): boolean => {
    const known = seen.get(id)
    if (known !== undefined) return known
    seen.set(id, false)
    const answer = elsewhere.some((source) => source === id) || (inputs.get(id) ?? []).some(isForeign)
    seen.set(id, answer)
    return answer
  }
  const relations = due.filter(({ node }) => isForeign(node)).map(({ relation }) => relation)
  if (relations.length === 0) return
  throw new RuntimeFailure(
    'ENVIRONMENT_READ_ELSEWHERE',
    `'--rematerialize' would write rows to ${relations.join(', ')} that the environment read from another database than production's: ${elsewhere.join(', ')}.`,
    { relations, sources: elsewhere },
    {
      hints: [
        "Promote without '--rematerialize'; then `seeknal run` reads production's database and writes production's tables.",
      ],
    },
  )
}
