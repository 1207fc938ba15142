// The last compile → that of some of its nodes only, without parsing what it says of the others.

import { checkStepId, type Step } from '../../runtime/contract/bundle.ts'
import { memberText } from '../../runtime/contract/canonical-json.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import { MANY_PLANS } from '../diff/impact.ts'
import { stepIdIn } from '../emit/contract.ts'
import type { Past } from '../past.ts'
import type { KeptResult } from '../ports.ts'
import { tellVersions } from '../versions.ts'
import { manifestPart, stepSpan } from './item-texts.ts'
import { headOf, type Kept, type Last } from './kept.ts'
import { inputsOf, readersOf } from './reach.ts'

export interface Part extends Last {
  /** Ids of the nodes of the files by their places in the list of all, sorted. */
  readonly inner: ReadonlyMap<number, string>
}

/**
 * The nodes of the files, and of those that they read, what readers see of them: these have no inputs here, but the versions
 * that they have. Null: the texts are not what they should be.
 */
export function partOf(result: KeptResult, files: ReadonlySet<string>): Part | null {
  const { nodes: all } = headOf(result)
  const inner = innerOf(all, files)
  const read = [...inner.keys()].flatMap((place) => all[place]?.[2] ?? []).filter((place) => !inner.has(place))
  const outer = new Set(read.map((place) => all[place]?.[0]))
  const part = partAt(result, inner, [...new Set([...inner.keys(), ...read])])
  if (part === null) return null
  const nodes = part.manifest.nodes.map((node) => (outer.has(node.id) ? { ...node, inputs: [] } : node))
  tellVersions(new Map(nodes.map((node) => [node.id, node])))
  const steps = part.contract.steps.map((step) =>
    step.kind === 'build' && outer.has(step.node) ? { ...step, inputs: [] } : step,
  )
  return { ...part, contract: { ...part.contract, steps }, manifest: { ...part.manifest, nodes } }
}

const NONE = { part: null, base: null }

/** From how many nodes on a part that is most of the whole is no gain. */
const SOME = 100

/**
 * The nodes of the files, all that reads them, and all that these read: what changed against the past is told of each of
 * them as in the whole. With the same nodes of the past. Null: the texts are not what they should be, or it is most of all.
 */
export function partWithPast(
  result: KeptResult,
  files: ReadonlySet<string>,
  past: Past,
): { readonly part: Part | null; readonly base: Manifest | null } {
  const { nodes: all, asked } = headOf(result)
  // Many questions of all nodes together are answered in another way than those of a part (diff/impact.ts).
  if (asked >= MANY_PLANS) return NONE
  const inner = innerOf(all, files)
  const ids = new Map(all.map(([id], place) => [id, place]))
  let places = inputsOf(readersOf(inner.keys(), all), all)
  for (;;) {
    if (places.length > SOME && places.length > all.length / 2) return NONE
    const base = manifestPart(
      past.text,
      places.map((place) => all[place]?.[0] ?? ''),
    )
    // What a node read in the past is compared with, too.
    const read = base.nodes.flatMap((node) => node.inputs.map(({ ref }) => ids.get(ref)))
    const wider = inputsOf([...places, ...read.filter((place) => place !== undefined)], all)
    if (read.includes(undefined)) return NONE
    if (wider.length === places.length) return withBase(partAt(result, inner, places), base)
    places = wider
  }
}

/** One that was renamed since is compared with one of another id: none is such a one. */
function withBase(part: Part | null, base: Manifest): { readonly part: Part | null; readonly base: Manifest | null } {
  const known = new Set(base.nodes.map((node) => node.id))
  const isRenamed = part?.manifest.nodes.some((node) => node.renamed_from !== undefined && !known.has(node.id))
  return isRenamed === true ? NONE : { part, base }
}

const innerOf = (nodes: Kept['nodes'], files: ReadonlySet<string>): Part['inner'] =>
  new Map(nodes.flatMap(([id, file], place): [number, string][] => (files.has(file) ? [[place, id]] : [])))

function partAt(result: KeptResult, inner: Part['inner'], places: readonly number[]): Part | null {
  if (inner.size === 0) return null
  const head = headOf(result)
  const ids = [...places].sort((a, b) => a - b).map((place) => head.nodes[place]?.[0] ?? '')
  const manifest = manifestPart(result.texts.get('manifest.json') ?? '', ids)
  if (manifest.nodes.length < ids.length) return null
  const steps = stepsOf(result, manifest.nodes)
  const contract = { ...contractOf(result), steps }
  return { ...head, inner, contract, manifest, texts: textsOf(result, steps) }
}

function stepsOf(result: KeptResult, nodes: readonly ManifestNode[]): Step[] {
  const text = result.texts.get('bundle.json') ?? ''
  const ids = new Set(nodes.flatMap(({ id, checks }) => (checks === undefined ? [id] : [id, checkStepId(id)])))
  const steps: Step[] = []
  let at = 0
  for (const [path] of headOf(result).steps) {
    const id = stepIdIn(path)
    const span = ids.has(id) ? stepSpan(text, id, at) : undefined
    if (span === undefined) continue
    steps.push(JSON.parse(text.slice(span.start, span.end)))
    at = span.end
  }
  return steps
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
