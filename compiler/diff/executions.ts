// Verdicts → the nodes that execute, in graph order, each with the reason in words; and those of which only the data of
// an input can tell, because that input's rows are no function of its own inputs. Pure.

import type { Change, Execution } from '../../runtime/contract/diff.ts'
import { type ManifestNode, rowsDecide } from '../../runtime/contract/manifest.ts'
import type { Verdict } from './impact.ts'

export function executions(
  order: readonly string[],
  verdicts: ReadonlyMap<string, Verdict>,
  changes: ReadonlyMap<string, Change>,
  hasBase: boolean,
): Execution[] {
  const maybe = new Map<string, readonly string[]>()
  const all: Execution[] = []
  for (const id of order) {
    const verdict = verdicts.get(id)
    if (verdict === undefined) continue
    if (verdict.executes) {
      const inputs = [...new Set([...verdict.inputs.keys(), ...verdict.stale])].sort()
      const text = hasBase ? textOf(verdict, changes) : 'there is no production yet'
      all.push({ inputs, maybe: false, node: id, own: verdict.own, text })
      continue
    }
    const unsettled = verdict.record.inputs.map((i) => i.ref).filter((ref) => isUnsettled(ref, verdicts, maybe))
    if (unsettled.length === 0) continue
    maybe.set(id, unsettled)
    const text = `only the data can tell: ${unsettled.map((ref) => unsettledText(ref, verdicts.get(ref)?.record)).join('; ')}`
    all.push({ inputs: unsettled.sort(), maybe: true, node: id, own: false, text })
  }
  return all
}

/** Whether what is read of the input may be other rows although nothing that makes them changed. */
function isUnsettled(
  ref: string,
  verdicts: ReadonlyMap<string, Verdict>,
  maybe: ReadonlyMap<string, readonly string[]>,
): boolean {
  const input = verdicts.get(ref)
  if (input === undefined) return false
  return maybe.has(ref) || (input.executes && rowsDecide(input.record))
}

function unsettledText(ref: string, node: ManifestNode | undefined): string {
  if (node === undefined || !rowsDecide(node)) return `it reads '${ref}', which may execute`
  const { volatile, order_dependent, clock } = node.reproducibility
  const names = [...volatile, ...order_dependent, ...(clock ? ['the clock'] : [])]
  return `the rows of '${ref}' are no function of its inputs${names.length === 0 ? '' : ` (${names.join(', ')})`}`
}

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
