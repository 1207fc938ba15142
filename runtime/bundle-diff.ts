// Two bundles → where they differ: head, steps, files, manifest nodes. Data only; words and exit codes are made in cli/.
// Pure.

import { byCodeUnit, canonicalJson } from './contract/canonical-json.ts'
import type { ManifestNode } from './contract/manifest.ts'
import type { OpenedBundle } from './open.ts'

/** Paths or ids, sorted. */
export interface SetDifference {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

export interface BundleDifference {
  readonly equal: boolean
  /** Members of bundle.json that differ, apart from steps, files and digest: `environment`, `base`, `settings`… */
  readonly head: readonly string[]
  /** A step is changed when its entry in bundle.json or its SQL differs. */
  readonly steps: SetDifference
  /** Every other file than bundle.json. */
  readonly files: SetDifference
  readonly nodes: SetDifference & {
    /** For each changed node, the members that differ: `definition`, `columns`, `description`… */
    readonly members: Readonly<Record<string, readonly string[]>>
  }
}

/** What `to` has that `from` has not, and the reverse. */
export function bundleDifference(from: OpenedBundle, to: OpenedBundle): BundleDifference {
  const files = compare(
    new Map(Object.entries(from.contract.files)),
    new Map(Object.entries(to.contract.files)),
    (a, b) => a === b,
  )
  const steps = compare(stepTexts(from), stepTexts(to), (a, b) => a === b)
  const head = differing(headOf(from), headOf(to))
  const [before, after] = [nodesOf(from), nodesOf(to)]
  const nodes = compare(before, after, (a, b) => differing(a, b).length === 0)
  const members = Object.fromEntries(
    nodes.changed.map((id) => [id, differing(before.get(id) ?? {}, after.get(id) ?? {})]),
  )
  return { equal: from.contract.digest === to.contract.digest, head, steps, files, nodes: { ...nodes, members } }
}

function headOf({ contract }: OpenedBundle): object {
  const { digest: _digest, files: _files, namespaces: _namespaces, steps: _steps, ...head } = contract
  return head
}

const stepTexts = ({ contract, files }: OpenedBundle): ReadonlyMap<string, string> =>
  new Map(contract.steps.map((step) => [step.id, `${canonicalJson(step)}\n${files.get(step.file) ?? ''}`]))

const nodesOf = ({ manifest }: OpenedBundle): ReadonlyMap<string, ManifestNode> =>
  new Map(manifest.nodes.map((node) => [node.id, node]))

function compare<T>(
  from: ReadonlyMap<string, T>,
  to: ReadonlyMap<string, T>,
  same: (a: T, b: T) => boolean,
): SetDifference {
  const changed = [...to].filter(([key, value]) => {
    const old = from.get(key)
    return old !== undefined && !same(old, value)
  })
  return {
    added: [...to.keys()].filter((key) => !from.has(key)).sort(byCodeUnit),
    removed: [...from.keys()].filter((key) => !to.has(key)).sort(byCodeUnit),
    changed: changed.map(([key]) => key).sort(byCodeUnit),
  }
}

/** Names of the members whose values differ, sorted. */
function differing(a: object, b: object): string[] {
  const [left, right] = [new Map<string, unknown>(Object.entries(a)), new Map<string, unknown>(Object.entries(b))]
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((key) => canonicalJson(left.get(key)) !== canonicalJson(right.get(key)))
    .sort(byCodeUnit)
}
