// Documents of a bundle after a compile of a part of a project over its past: what the part says now in the places of what it
// said, and what of the rest is as it was. Null: a step is another than it was. Pure.

import type { BundleFile, OpenedBundle, Step } from '../../runtime/contract/bundle.ts'
import { prettyJson, type Span } from '../../runtime/contract/canonical-json.ts'
import type { Diff } from '../../runtime/contract/diff.ts'
import { sameJson } from '../diff/pairs.ts'
import { review } from '../emit/review.ts'
import type { Past } from '../past.ts'
import type { KeptResult } from '../ports.ts'
import { manifestPart, nodeSpans, replaced, stepSpan } from './item-texts.ts'
import { headOf, type Kept } from './kept.ts'
import { mergedDiff } from './merged-diff.ts'
import type { Part } from './part.ts'

/** By path; bundle.json with the digests that it had. */
export function textsOverPast(
  last: KeptResult,
  part: Part,
  bundle: OpenedBundle,
  past: Past,
): ReadonlyMap<string, string> | null {
  const textOf = (path: string): string => last.texts.get(path) ?? ''
  const manifest = withNodes(textOf('manifest.json'), part, bundle)
  const contract = withSteps(textOf('bundle.json'), part, bundle)
  if (manifest === null || contract === null) return null
  const texts = new Map([
    ['manifest.json', manifest],
    ['bundle.json', contract],
  ])
  const before: Diff = JSON.parse(textOf('diff.json'))
  const diff = mergedDiff(before, bundle.diff, new Set(part.manifest.nodes.map((node) => node.id)), headOf(last).nodes)
  if (sameJson(diff, before) && contract === textOf('bundle.json')) return texts
  const ids = shownIn(diff, headOf(last).nodes)
  const shown = { diff, manifest: manifestPart(manifest, ids), base: manifestPart(past.text, ids) }
  const steps: BundleFile = JSON.parse(contract)
  return texts.set('diff.json', prettyJson(diff)).set('review.md', review(shown, steps))
}

/** All that a review names: what changed or executes, what that reads, and what reads it; sorted. */
function shownIn({ changes, execute, check = [] }: Diff, nodes: Kept['nodes']): readonly string[] {
  const named = new Set([...changes.map(({ node }) => node), ...execute.map(({ node }) => node), ...check])
  const shown = new Set(named)
  for (const [id, , inputs] of nodes)
    for (const input of inputs) {
      const read = nodes[input]?.[0] ?? ''
      if (named.has(id)) shown.add(read)
      if (named.has(read)) shown.add(id)
    }
  return [...shown].sort()
}

function withNodes(text: string, part: Part, { manifest, files }: OpenedBundle): string | null {
  const before = new Map(part.manifest.nodes.map((node) => [node.id, node]))
  const ids = manifest.nodes.flatMap((node) => (sameJson(node, before.get(node.id)) ? [] : [node.id]))
  const written = files.get('manifest.json') ?? ''
  const [old, now] = [nodeSpans(text, ids), nodeSpans(written, ids)]
  const places = ids.flatMap((id) => placed(old.get(id), written, now.get(id)))
  return places.length < ids.length ? null : replaced(text, places)
}

/** Why a step is there may be told in other words. */
function withSteps(text: string, part: Part, { contract, files }: OpenedBundle): string | null {
  const before = new Map(part.contract.steps.map((step) => [step.id, step]))
  const written = files.get('bundle.json') ?? ''
  const places: [Span, string][] = []
  let [old, now]: (Span | undefined)[] = []
  for (const step of contract.steps) {
    const was = before.get(step.id)
    if (was !== undefined && sameJson(step, was)) continue
    if (was === undefined || !sameJson(reasonless(step), reasonless(was))) return null
    old = stepSpan(text, step.id, old?.end)
    now = stepSpan(written, step.id, now?.end)
    const place = placed(old, written, now)
    if (place.length === 0) return null
    places.push(...place)
  }
  return replaced(text, places)
}

const reasonless = ({ category: _, reasons: __, ...step }: Step): unknown => step

const placed = (old: Span | undefined, written: string, now: Span | undefined): [Span, string][] =>
  old === undefined || now === undefined ? [] : [[old, written.slice(now.start, now.end)]]
