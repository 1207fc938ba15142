// Verdicts → the nodes that execute, in graph order, each with the reason in words; and those of which only the data of
// an input can tell, because that input's rows are no function of what the plan knows. Pure.

import type { Change, Execution } from '../../runtime/contract/diff.ts'
import { type ManifestNode, rowsDecide, runParameters } from '../../runtime/contract/manifest.ts'
import type { Verdict } from './impact.ts'
import { type Pairs, sameJson } from './pairs.ts'

export function executions(
  order: readonly string[],
  verdicts: ReadonlyMap<string, Verdict>,
  changes: ReadonlyMap<string, Change>,
  pairs: Pairs,
  hasBase: boolean,
): Execution[] {
  const unsettled = new Map<string, string>()
  const all: Execution[] = []
  for (const id of order) {
    const verdict = verdicts.get(id)
    if (verdict === undefined) continue
    const waits = verdict.record.inputs.map((i) => i.ref).filter((ref) => unsettled.has(ref))
    if (verdict.executes) {
      const inputs = [...new Set([...verdict.inputs.keys(), ...verdict.stale])].sort()
      const text = hasBase ? textOf(verdict, changes) : 'there is no production yet'
      all.push({ inputs, maybe: false, node: id, own: verdict.own, text })
      const reason = unsettledText(verdict.record, pairs, waits)
      if (reason !== null) unsettled.set(id, reason)
    } else if (waits.length > 0) {
      const text = `only the data can tell: ${waits.map((ref) => unsettled.get(ref)).join('; ')}`
      all.push({ inputs: waits.sort(), maybe: true, node: id, own: false, text })
      unsettled.set(id, `it reads '${id}', which may execute`)
    }
  }
  return all
}

/**
 * Why what a reader takes of a node that executes may be other data although nothing that the reader reads was edited:
 * its rows are made anew from what the plan does not know, or what stands for its data is put together in another way.
 * Null: the data is what it was.
 */
function unsettledText(node: ManifestNode, pairs: Pairs, waits: readonly string[]): string | null {
  const { id, source_files: files } = node
  if (rowsDecide(node)) {
    const { volatile, order_dependent, clock } = node.reproducibility
    const names = [...volatile, ...order_dependent, ...(clock ? ['the clock'] : [])]
    return `the rows of '${id}' are no function of its inputs${names.length === 0 ? '' : ` (${names.join(', ')})`}`
  }
  if (files !== undefined) return `'${id}' reads its files again`
  const ofRun = runParameters(node)
  if (ofRun.length > 0) return `the rows of '${id}' depend on ${ofRun.join(', ')} of the run`
  if (waits.length > 0) return `the rows of '${id}' depend on those of ${waits.map((ref) => `'${ref}'`).join(', ')}`
  const base = pairs.of(id)?.base ?? null
  return base === null || sameJson(madeFrom(base, pairs), madeFrom(node, pairs))
    ? null
    : `'${id}' is made from other inputs or parameters`
}

/** What goes into the fingerprint of a node's data, by name. Must name all that runtime/execute/fingerprints.ts takes. */
const madeFrom = (node: ManifestNode, pairs: Pairs): readonly unknown[] => [
  node.inputs.map(({ ref }) => pairs.now(ref)),
  runParameters(node),
  node.volatile ?? null,
  rowsDecide(node),
]

function textOf({ own, inputs, stale }: Verdict, changes: ReadonlyMap<string, Change>): string {
  const parts = [
    ...(own ? ['its own definition changed'] : []),
    ...[...inputs].map(([ref, causes]) => inputText(ref, [...causes], changes)),
    ...stale.filter((ref) => !inputs.has(ref)).map((ref) => `what is stored was made from an older '${ref}'`),
  ]
  return parts.join('; ')
}

function inputText(ref: string, causes: readonly string[], changes: ReadonlyMap<string, Change>): string {
  const others = causes.filter((cause) => cause !== ref).sort()
  if (others.length > 0 && !causes.includes(ref))
    return `it reads columns of '${ref}' that ${others.map((o) => `'${o}'`).join(', ')} changes`
  const kind = changes.get(ref)?.change === 'added' ? 'it reads the new' : 'it reads what changed in'
  return `${kind} '${ref}'`
}
