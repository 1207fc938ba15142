// `inputs` of the YAML → ids of nodes that exist; the rest is reported with the nearest name.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import { type Diagnostic, nearest } from '../../runtime/contract/diagnostics.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import { errorAt } from '../diagnostic-codes.ts'
import type { TransformNode, UnsupportedNode, Validated } from '../validate.ts'

/** What inputs may name. */
export interface KnownNodes {
  readonly ids: readonly NodeId[]
  readonly supported: ReadonlySet<NodeId>
  readonly unsupported: ReadonlyMap<NodeId, UnsupportedNode>
}

/** `outside`: ids of nodes that are there, too. */
export function knownNodes(validated: Validated, outside: Iterable<NodeId>): KnownNodes {
  const ids = [...validated.nodes.map((node) => node.id), ...outside].sort(byCodeUnit)
  return { ids, supported: new Set(ids), unsupported: new Map(validated.unsupported.map((node) => [node.id, node])) }
}

export interface Inputs {
  /** In the order of the YAML, repetitions kept: `input_1` is the second. */
  readonly written: readonly NodeId[]
  readonly broken: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

export function resolveInputs(node: TransformNode, known: KnownNodes): Inputs {
  const diagnostics: Diagnostic[] = []
  const broken: string[] = []
  for (const { ref, place } of node.inputs) {
    if (known.supported.has(ref)) continue
    broken.push(ref)
    const unsupported = known.unsupported.get(ref)
    if (unsupported !== undefined) {
      const notes = [{ message: 'It is defined here.', place: unsupported.place }]
      diagnostics.push(
        errorAt(
          'RESOLVE_REF_NOT_SUPPORTED_YET',
          place,
          `'${node.id}' reads '${ref}', but ${lowerFirst(unsupported.what)} not supported yet.`,
          { facts: { ref }, notes },
        ),
      )
      continue
    }
    const near = nearestNode(ref, node.id, known)
    diagnostics.push(
      errorAt('RESOLVE_REF_NOT_FOUND', place, `There is no node '${ref}'.`, {
        facts: { ref },
        hints:
          near === undefined ? ['An input is named kind.name, such as source.orders.'] : [`Did you mean '${near}'?`],
      }),
    )
  }
  return { written: node.inputs.map((input) => input.ref), broken, diagnostics }
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** Also by the name alone: `orders` for `source.orders`. */
function nearestNode(ref: string, self: NodeId, known: KnownNodes): string | undefined {
  const all = [...known.ids, ...known.unsupported.keys()].filter((id) => id !== self)
  const name = (id: string): string => id.slice(id.indexOf('.') + 1).toLowerCase()
  return nearest(ref, all) ?? all.find((id) => name(id) === ref.toLowerCase() || name(id) === name(ref))
}
