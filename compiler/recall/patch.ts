// A compile of a few files of a project without a past → the result of a compile of all: the last one's texts, in which what
// the nodes of these files say now stands in the place of what they said, and readers have the new versions of their inputs.
// Nothing else is parsed or written anew. Null: more than that is another. What the texts are made from is in `../emit`.

import { resealed } from '../../runtime/contract/bundle.ts'
import { itemAt, type Span, sha256 } from '../../runtime/contract/canonical-json.ts'
import { asFingerprint, type Fingerprint } from '../../runtime/contract/ids.ts'
import { freshEdge, type ManifestInput, type ManifestNode } from '../../runtime/contract/manifest.ts'
import type { Compilation } from '../compile.ts'
import { sameJson } from '../diff/pairs.ts'
import type { KeptResult } from '../ports.ts'
import { headOf, type Kept, type Made, type Observed } from './kept.ts'
import type { Part } from './part.ts'

/** What is kept of the whole after a compile of `part` alone. */
export function patched(
  last: KeptResult,
  part: Part,
  compilation: Compilation,
  made: Made,
  observed: readonly Observed[],
): KeptResult | null {
  const { bundle, parts, lock, diagnostics } = compilation
  if (bundle === null || parts === null || !isLikeBefore(last, part, compilation)) return null
  const head = headOf(last)
  const apply = withSteps(last.texts.get('apply.sql') ?? '', head.steps, part, bundle.files)
  const manifest = withNodes(last.texts.get('manifest.json') ?? '', head.nodes, part, bundle.files)
  if (apply === null || manifest === null) return null
  const changed = new Map([['apply.sql', apply.text], ['manifest.json', manifest], ...apply.changed])
  const digests = new Map([...changed].map(([path, text]) => [path, sha256(text)]))
  const texts = new Map(last.texts)
  texts.set('bundle.json', resealed(last.texts.get('bundle.json') ?? '', digests))
  texts.set('apply.sql', apply.text).set('manifest.json', manifest)
  return { head: { ...head, ...made, observed, steps: apply.steps, lock, diagnostics } satisfies Kept, texts }
}

/** Whether all documents but manifest.json and the texts of steps say what they said. */
function isLikeBefore({ texts }: KeptResult, part: Part, { bundle, parts }: Compilation): boolean {
  const before = new Map(part.manifest.nodes.map((node) => [node.id, node]))
  const inner = new Set(part.inner.values())
  const steps = part.contract.steps.filter((step) => inner.has(step.node))
  const now = new Map(bundle?.contract.steps.flatMap((step) => (inner.has(step.node) ? [[step.id, step]] : [])))
  return (
    bundle !== null &&
    parts !== null &&
    bundle.files.get('types.ts') === texts.get('types.ts') &&
    bundle.manifest.nodes.every((node) => isSeenAsBefore(node, before.get(node.id))) &&
    now.size === steps.length &&
    steps.every((step) => sameJson(step, now.get(step.id))) &&
    parts.steps.every((step) => step.cleanup === part.cleanups[step.id] && step.byHand === undefined)
  )
}

/** Whether diff.json, review.md and the contract say the same of both. */
const isSeenAsBefore = (now: ManifestNode, before: ManifestNode | undefined): boolean =>
  before !== undefined &&
  now.columns !== null &&
  sameJson([...seen(now), now.inputs.map(({ ref }) => ref)], [...seen(before), before.inputs.map(({ ref }) => ref)]) &&
  // Whether a run may leave one out is told by the SQL of all steps.
  !now.parameters.some((name) => name.startsWith('env.'))

const seen = (node: ManifestNode): readonly unknown[] => [
  ...[node.columns, node.parameters, node.reproducibility],
  ...[node.checks ?? null, node.targets ?? null, node.source_table ?? null, node.dialect ?? null],
]

const FINGERPRINT_LENGTH = 64

interface Steps {
  readonly text: string
  readonly steps: Kept['steps']
  readonly changed: readonly (readonly [path: string, text: string])[]
}

/** apply.sql with the texts that steps have now. Null: one of them is not in it as it is. */
function withSteps(text: string, places: Kept['steps'], part: Part, files: ReadonlyMap<string, string>): Steps | null {
  const changed = new Map<string, string>()
  for (const { file } of part.contract.steps) {
    const now = files.get(file)
    if (now === undefined) return null
    if (now !== part.texts.get(file)) changed.set(file, now)
  }
  const parts: string[] = []
  let [at, moved, found] = [0, 0, 0]
  const steps = places.map(([path, start, end]): readonly [string, number, number] => {
    const now = changed.get(path)
    if (now === undefined) return moved === 0 ? [path, start, end] : [path, start + moved, end + moved]
    parts.push(text.slice(at, start), now)
    const from = start + moved
    moved += now.length - (end - start)
    found += 1
    at = end
    return [path, from, from + now.length]
  })
  return found < changed.size ? null : { text: [...parts, text.slice(at)].join(''), steps, changed: [...changed] }
}

/** manifest.json with the nodes as they are now, and what reads them with their versions. Null: it is not as it should be. */
function withNodes(text: string, nodes: Kept['nodes'], part: Part, files: ReadonlyMap<string, string>): string | null {
  const order = reachedFrom(part.inner.keys(), nodes)
  const spans = spansOf(text, nodes, order)
  const written = files.get('manifest.json') ?? ''
  const before = new Map(part.manifest.nodes.map((node) => [node.id, node]))
  const versions = new Map<string, Fingerprint>()
  const items = new Map<number, string>()
  for (const place of order) {
    const [id = '', , inputs = []] = nodes[place] ?? []
    const isInner = part.inner.has(place)
    if (!isInner && !inputs.some((input) => versions.has(nodes[input]?.[0] ?? ''))) continue
    const span = isInner ? itemAt(written, 'id', id, 0) : spans.get(place)
    if (span === undefined) return null
    const item = withVersions((isInner ? written : text).slice(span.start, span.end), versions)
    items.set(place, item.text)
    const was = isInner ? before.get(id) : undefined
    if (was === undefined || freshEdge(was) !== item.version) versions.set(id, item.version)
  }
  const parts: string[] = []
  let at = 0
  for (const [place, { start, end }] of spans) {
    const item = items.get(place)
    if (item === undefined) continue
    parts.push(text.slice(at, start), item)
    at = end
  }
  return spans.size < order.length ? null : [...parts, text.slice(at)].join('')
}

/** The nodes and all that reads them, inputs first. */
function reachedFrom(inner: Iterable<number>, nodes: Kept['nodes']): readonly number[] {
  const readers = new Map<number, number[]>()
  for (const [place, [, , inputs]] of nodes.entries())
    for (const input of inputs) {
      const known = readers.get(input)
      if (known === undefined) readers.set(input, [place])
      else known.push(place)
    }
  const reached = new Set(inner)
  for (const place of reached) for (const reader of readers.get(place) ?? []) reached.add(reader)
  const waiting = new Map(
    [...reached].map((place) => [place, (nodes[place]?.[2] ?? []).filter((input) => reached.has(input)).length]),
  )
  const order = [...reached].filter((place) => waiting.get(place) === 0)
  for (const place of order)
    for (const reader of readers.get(place) ?? []) {
      const left = (waiting.get(reader) ?? 0) - 1
      waiting.set(reader, left)
      if (left === 0) order.push(reader)
    }
  return order
}

/** Where the nodes are written, in the order of the text. */
function spansOf(text: string, nodes: Kept['nodes'], places: readonly number[]): ReadonlyMap<number, Span> {
  const spans = new Map<number, Span>()
  let at = 0
  for (const place of [...places].sort((a, b) => a - b)) {
    const span = itemAt(text, 'id', nodes[place]?.[0] ?? '', at)
    if (span === undefined) break
    spans.set(place, span)
    at = span.end
  }
  return spans
}

const INPUTS = '\n      "inputs": '
const VERSION = '"fingerprint": "'
const DEFINITION = '\n      "definition_fingerprint": "'

/** The text of a node with these versions of its inputs, and its own. No text of JSON holds a quote without a backslash before it. */
function withVersions(
  text: string,
  versions: ReadonlyMap<string, Fingerprint>,
): { readonly text: string; readonly version: Fingerprint } {
  const start = text.indexOf(INPUTS) + INPUTS.length
  const end = text.startsWith('[]', start) ? start + 2 : text.indexOf('\n      ]', start) + '\n      ]'.length
  const inputs: readonly ManifestInput[] = JSON.parse(text.slice(start, end))
  const parts: string[] = []
  let [done, at] = [0, start]
  const renewed = inputs.map((edge) => {
    at = text.indexOf(VERSION, at) + VERSION.length
    const version = versions.get(edge.ref)
    if (version === undefined) return edge
    parts.push(text.slice(done, at), version)
    done = at + version.length
    return { ...edge, fingerprint: version }
  })
  const own = text.indexOf(DEFINITION) + DEFINITION.length
  const definition = asFingerprint(text.slice(own, own + FINGERPRINT_LENGTH))
  return {
    text: [...parts, text.slice(done)].join(''),
    version: freshEdge({ definition_fingerprint: definition, inputs: renewed }),
  }
}
