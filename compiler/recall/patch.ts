// A compile of a part of a project → the result of a compile of all: the last one's texts, in which what the part says now
// stands in the place of what it said. Nothing else is parsed or written anew. Null: other documents say something else than
// they did. What the texts are made from is in `../emit`.

import { type OpenedBundle, resealed } from '../../runtime/contract/bundle.ts'
import { type Span, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import type { Compilation } from '../compile.ts'
import { variable } from '../dialect/duckdb.ts'
import { MANY_PLANS } from '../diff/impact.ts'
import { sameJson } from '../diff/pairs.ts'
import type { Past } from '../past.ts'
import type { KeptResult } from '../ports.ts'
import type { RewrittenStep } from '../rewrite.ts'
import { replaced } from './item-texts.ts'
import { freshIn, headOf, type Kept, type Made, type Observed } from './kept.ts'
import type { Part } from './part.ts'
import { textsOverPast } from './past-texts.ts'
import { withRenewed } from './renewed-items.ts'

export interface CompiledPart {
  readonly part: Part
  readonly compilation: Compilation
  readonly made: Made
  readonly observed: readonly Observed[]
}

/** What is kept of the whole after a compile of a part: of `partWithPast`, or of `partOf` without a past. */
export function patched(last: KeptResult, compiled: CompiledPart, past: Past | null): KeptResult | null {
  const { part, compilation } = compiled
  const { bundle, parts } = compilation
  if (bundle === null || parts === null || !isLikeBefore(last, part, compilation)) return null
  // As of partWithPast.
  if (past !== null && headOf(last).asked + parts.asked >= MANY_PLANS) return null
  const texts = past === null ? textsWithoutPast(last, part, bundle) : textsOverPast(last, part, bundle, past)
  return texts && keptAgain(last, compiled, texts)
}

function textsWithoutPast(last: KeptResult, part: Part, bundle: OpenedBundle): ReadonlyMap<string, string> | null {
  const inner = new Set(part.inner.values())
  const now = new Map(bundle.contract.steps.map((step) => [step.id, step]))
  // What the others are made from is not known here.
  const own = part.contract.steps.filter((step) => inner.has(step.node))
  if (!own.every((step) => sameJson(step, now.get(step.id)))) return null
  const [text, written] = [last.texts.get('manifest.json') ?? '', bundle.files.get('manifest.json') ?? '']
  const manifest = withRenewed(text, headOf(last).nodes, part, written)
  return manifest === null ? null : new Map([['manifest.json', manifest]])
}

/** `texts`: those that are others now, besides steps. */
function keptAgain(last: KeptResult, compiled: CompiledPart, texts: ReadonlyMap<string, string>): KeptResult | null {
  const { part, compilation, made, observed } = compiled
  const { bundle, parts, lock, diagnostics, manifest } = compilation
  const head = headOf(last)
  const apply = withSteps(last.texts.get('apply.sql') ?? '', head.steps, part, bundle?.files ?? new Map())
  if (apply === null || parts === null) return null
  const changed = new Map([...texts, ...apply.changed, ['apply.sql', apply.text]])
  changed.delete('bundle.json')
  const digests = new Map([...changed].map(([path, text]) => [path, sha256(text)]))
  const all = new Map(last.texts)
  for (const [path, text] of changed) if (all.has(path)) all.set(path, text)
  all.set('bundle.json', resealed(texts.get('bundle.json') ?? last.texts.get('bundle.json') ?? '', digests))
  const ids = new Set(part.manifest.nodes.map((node) => node.id))
  const fresh = [...head.fresh.filter(({ id }) => !ids.has(id)), ...freshIn(parts, manifest)]
  const asked = head.asked + parts.asked
  const files = new Map(manifest?.nodes.map((node) => [node.id, node.file]))
  const nodes = head.nodes.map(([id, file, ...rest]) => [id, files.get(id) ?? file, ...rest] as const)
  return {
    head: { ...head, ...made, observed, nodes, steps: apply.steps, fresh, asked, lock, diagnostics } satisfies Kept,
    texts: all,
  }
}

/** Whether the nodes and steps of the part are those that they were, and all else says of them what it said. */
function isLikeBefore({ texts }: KeptResult, part: Part, { bundle, parts }: Compilation): boolean {
  const before = new Map(part.manifest.nodes.map((node) => [node.id, node]))
  return (
    bundle !== null &&
    parts !== null &&
    bundle.files.get('types.ts') === texts.get('types.ts') &&
    bundle.contract.steps.length === part.contract.steps.length &&
    bundle.manifest.nodes.every((node) => isSeenAsBefore(node, before.get(node.id))) &&
    parts.steps.every((step) => isLikeStep(step, part))
  )
}

/** Whether all that the bundle has of it is what it was, but for its own text. */
const isLikeStep = (
  { id, cleanup, byHand, extract, load }: RewrittenStep,
  { cleanups, byHand: before }: Part,
): boolean => cleanup === cleanups[id] && sameJson(byHand, before[id]) && extract === undefined && load === undefined

/** Whether diff.json, review.md and the contract say the same of both. */
const isSeenAsBefore = (now: ManifestNode, before: ManifestNode | undefined): boolean =>
  before !== undefined &&
  now.columns !== null &&
  sameJson([...seen(now), now.inputs.map(({ ref }) => ref)], [...seen(before), before.inputs.map(({ ref }) => ref)])

const seen = (node: ManifestNode): readonly unknown[] => [
  ...[node.columns, node.parameters, node.reproducibility],
  ...[node.checks, node.targets, node.source_table, node.dialect, node.renamed_from].map((value) => value ?? null),
]

/** How the SQL reads a variable of the environment. */
const PARAMETER = variable('env.').slice(0, -"')".length)

interface Steps {
  readonly text: string
  readonly steps: Kept['steps']
  readonly changed: readonly (readonly [path: string, text: string])[]
}

/** apply.sql with the texts that steps have now. Null: one of them is not in it as it is. */
function withSteps(text: string, places: Kept['steps'], part: Part, files: ReadonlyMap<string, string>): Steps | null {
  const changed = new Map<string, string>()
  for (const { file } of part.contract.steps) {
    const [now, before] = [files.get(file), part.texts.get(file)]
    if (now === undefined || before === undefined) return null
    if (now === before) continue
    // Whether a run may leave a parameter out is told by the texts of all steps.
    if ([now, before].some((sql) => sql.includes(PARAMETER))) return null
    changed.set(file, now)
  }
  const now = places.flatMap(([path, start, end]): [Span, string][] => {
    const sql = changed.get(path)
    return sql === undefined ? [] : [[{ start, end }, sql]]
  })
  let moved = 0
  const steps = places.map(([path, start, end]): readonly [string, number, number] => {
    const from = start + moved
    moved += (changed.get(path)?.length ?? end - start) - (end - start)
    return [path, from, end + moved]
  })
  return now.length < changed.size ? null : { text: replaced(text, now), steps, changed: [...changed] }
}
