// The last compile → that of some of its nodes only, without parsing what it says of the others.

import { checkStepId, type Step } from '../../runtime/contract/bundle.ts'
import { itemAt, memberText } from '../../runtime/contract/canonical-json.ts'
import { asFingerprint } from '../../runtime/contract/ids.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import type { KeptResult } from '../ports.ts'
import { knownVersion } from '../versions.ts'
import { headOf, type Kept, type Last } from './kept.ts'

export interface Part extends Last {
  /** Ids of the nodes of the files by their places in the list of all, sorted. */
  readonly inner: ReadonlyMap<number, string>
}

/**
 * The nodes of the files, and of those that they read, what readers see of them: these have no inputs here, but the versions
 * that they have. Null: the texts are not what they should be.
 */
export function partOf(result: KeptResult, files: ReadonlySet<string>): Part | null {
  const head = headOf(result)
  const text = result.texts.get('manifest.json') ?? ''
  const { inner, read } = placesOf(head.nodes, files)
  const items: string[] = []
  let at = 0
  for (const place of [...inner.keys(), ...read].sort((a, b) => a - b)) {
    const span = itemAt(text, 'id', head.nodes[place]?.[0] ?? '', at)
    if (span === undefined) return null
    items.push(text.slice(span.start, span.end))
    at = span.end
  }
  const first = text.indexOf('\n    {\n') + 1
  const whole: Manifest = JSON.parse(`${text.slice(0, first)}${items.join(',\n')}\n  ]${behindNodes(text)}`)
  const outer = new Set(read.map((place) => head.nodes[place]?.[0]))
  const nodes = whole.nodes.map((node) => (outer.has(node.id) ? { ...node, inputs: [] } : node))
  tellVersions(nodes)
  const steps = stepsOf(result, nodes, outer)
  const contract = { ...contractOf(result), steps }
  return { ...head, inner, contract, manifest: { ...whole, nodes }, texts: textsOf(result, steps) }
}

/** The list of nodes is closed by the first line of its own indent. */
const behindNodes = (text: string): string => text.slice(text.indexOf('\n  ]', text.indexOf('\n  "nodes": [')) + 4)

/** The nodes of the files, and what they read besides. */
function placesOf(
  nodes: Kept['nodes'],
  files: ReadonlySet<string>,
): { readonly inner: Part['inner']; readonly read: readonly number[] } {
  const inner = new Map(
    nodes.flatMap(([id, file], place): [number, string][] => (files.has(file) ? [[place, id]] : [])),
  )
  const read = [...inner.keys()].flatMap((place) => nodes[place]?.[2] ?? []).filter((place) => !inner.has(place))
  return { inner, read: [...new Set(read)] }
}

/** An edge that nothing was carried over to is the version of the node that it leads to. */
function tellVersions(nodes: readonly ManifestNode[]): void {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  for (const { inputs } of nodes)
    for (const { ref, fingerprint } of inputs) {
      const input = byId.get(ref)
      if (input !== undefined) knownVersion(input, asFingerprint(fingerprint))
    }
}

function stepsOf({ texts }: KeptResult, nodes: readonly ManifestNode[], read: ReadonlySet<string | undefined>): Step[] {
  const text = texts.get('bundle.json') ?? ''
  const from = text.indexOf('\n  "steps": [')
  const ids = nodes.flatMap(({ id, checks }) => (checks === undefined ? [id] : [id, checkStepId(id)]))
  return ids.flatMap((id) => {
    const span = itemAt(text, 'id', id, from)
    if (span === undefined) return []
    const step: Step = JSON.parse(text.slice(span.start, span.end))
    return [step.kind === 'build' && read.has(step.node) ? { ...step, inputs: [] } : step]
  })
}

/** What of the contract is looked at besides its steps. Production has no namespaces of its own. */
function contractOf({ texts }: KeptResult): Omit<Last['contract'], 'steps'> {
  const text = texts.get('bundle.json') ?? ''
  return { engine: JSON.parse(memberText(text, 'engine') ?? 'null'), files: {}, namespaces: [] }
}

/** Texts of the steps, and types.ts. */
function textsOf(result: KeptResult, steps: readonly Step[]): Map<string, string> {
  const apply = result.texts.get('apply.sql') ?? ''
  const places = new Map(headOf(result).steps.map(([path, ...span]) => [path, span]))
  const texts = steps.flatMap(({ file }): [string, string][] => {
    const [start, end] = places.get(file) ?? []
    return start === undefined ? [] : [[file, apply.slice(start, end)]]
  })
  return new Map([...texts, ['types.ts', result.texts.get('types.ts') ?? '']])
}
