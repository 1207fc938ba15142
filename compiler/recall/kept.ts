// A compile without errors ↔ what is kept of it: its bundle, and what made it, so that the next compile can tell what it may
// take over.

import type { BundleFile, OpenedBundle } from '../../runtime/contract/bundle.ts'
import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import type { Diff } from '../../runtime/contract/diff.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import { once } from '../../runtime/contract/once.ts'
import type { Compiled, Parts } from '../compile.ts'
import { sameJson } from '../diff/pairs.ts'
import type { Past } from '../past.ts'
import type { KeptResult, SourceObservation, SourceRequest } from '../ports.ts'
import type { RewrittenStep } from '../rewrite.ts'

/** What was asked of a source, and the answer. */
export type Observed = readonly [SourceRequest, SourceObservation]

/** What a compile is made from besides sources. */
export interface Made {
  /** Stands for everything but the texts of files of nodes, and the past. */
  readonly rest: string
  /** Stands for what is compared with. */
  readonly past: string
  /** Digests of the texts of files of nodes, by path; sorted. */
  readonly files: readonly (readonly [path: string, digest: string])[]
  /** Stands for all. */
  readonly digest: string
}

/** What diff replaces of a record when it carries fingerprints over. */
type Carried = Pick<ManifestNode, 'id' | 'definition_fingerprint' | 'inputs'>

/** All that is kept besides the texts; JSON. */
export interface Kept extends Made {
  readonly observed: readonly Observed[]
  /** Sorted by id; `inputs` are places in this list, in their order, `turn` is when its step comes, among those that are there. */
  readonly nodes: readonly (readonly [id: string, file: string, inputs: readonly number[], turn: number])[]
  /** Where each step's text is in apply.sql: path, start, end. Those that are not there are among the texts. */
  readonly steps: readonly (readonly [string, number, number])[]
  /** By id of the step, of those that have it. */
  readonly cleanups: Readonly<Record<string, string>>
  readonly byHand: Readonly<Record<string, NonNullable<RewrittenStep['byHand']>>>
  /** Of the nodes of the manifest with carried fingerprints: those that `fingerprint` gave. */
  readonly fresh: readonly Carried[]
  /** At most so many different questions about plans there were. */
  readonly asked: number
  readonly lock: string | null
  readonly size: Compiled['size']
  readonly diagnostics: readonly Diagnostic[]
}

/** The last compile of a slot. */
export interface Last extends Omit<Kept, 'steps'> {
  readonly contract: Pick<BundleFile, 'engine' | 'files' | 'namespaces' | 'steps'>
  readonly manifest: Manifest
  /** Every file of the bundle but base.json; of a part (part.ts) its steps and types.ts. */
  readonly texts: ReadonlyMap<string, string>
}

/** The texts are those of every file but the steps and base.json. */
export function keep(compiled: Compiled, parts: Parts, made: Made, observed: readonly Observed[]): KeptResult {
  const { bundle, lock, size, diagnostics, manifest } = compiled
  const files = bundle?.files ?? new Map<string, string>()
  const whole = files.get('apply.sql') ?? ''
  const prelude = files.get('prelude.sql') ?? ''
  const first = whole.indexOf(prelude)
  let at = first === -1 ? 0 : first + prelude.length
  const steps = (bundle?.contract.steps ?? []).flatMap(({ file }): [string, number, number][] => {
    const text = files.get(file) ?? ''
    const start = whole.indexOf(text, at)
    if (start === -1) return []
    at = start + text.length
    return [[file, start, at]]
  })
  const paths = new Set(steps.map(([path]) => path))
  const texts = new Map([...files].filter(([path]) => !paths.has(path) && path !== 'base.json'))
  const cleanups = parts.steps.flatMap(({ id, cleanup }) => (cleanup === undefined ? [] : [[id, cleanup]]))
  const byHand = parts.steps.flatMap(({ id, byHand: text }) => (text === undefined ? [] : [[id, text]]))
  const fresh = freshIn(parts, manifest)
  const nodes = manifest?.nodes ?? []
  const places = new Map(nodes.map(({ id }, i) => [id, i]))
  const turns = new Map(bundle?.contract.steps.map(({ id }, i) => [id, i]))
  const head: Kept = {
    ...made,
    nodes: nodes.map(({ id, file, inputs }) => [
      id,
      file,
      inputs.flatMap(({ ref }) => places.get(ref) ?? []),
      turns.get(id) ?? -1,
    ]),
    ...{
      observed,
      steps,
      cleanups: Object.fromEntries(cleanups),
      byHand: Object.fromEntries(byHand),
      fresh,
      asked: parts.asked,
      lock,
      size,
      diagnostics,
    },
  }
  return { head, texts }
}

/** Of the nodes of the manifest with carried fingerprints: those that `fingerprint` gave. */
export const freshIn = ({ fresh }: Parts, manifest: Manifest | null): Kept['fresh'] =>
  fresh.nodes.flatMap((node, i) => carriedOver(node, manifest?.nodes[i]))

function carriedOver(fresh: ManifestNode, node: ManifestNode | undefined): readonly Carried[] {
  const { id, definition_fingerprint, inputs } = fresh
  const isSame = definition_fingerprint === node?.definition_fingerprint && sameJson(inputs, node.inputs)
  return isSame ? [] : [{ id, definition_fingerprint, inputs }]
}

/** Written above only. */
export const headOf = ({ head }: KeptResult): Kept => head as Kept

export function lastOf(result: KeptResult): Last {
  const { texts } = result
  const contract: BundleFile = JSON.parse(texts.get('bundle.json') ?? '')
  const manifest: Manifest = JSON.parse(texts.get('manifest.json') ?? '')
  return { ...headOf(result), contract, manifest, texts: allTexts(result) }
}

function allTexts(result: KeptResult): Map<string, string> {
  const apply = result.texts.get('apply.sql') ?? ''
  const steps = headOf(result).steps.map(([path, start, end]) => [path, apply.slice(start, end)] as const)
  return new Map([...result.texts, ...steps])
}

/** The compile again. Documents are parsed when they are asked for. */
export function recalled(result: KeptResult, past: Past | null): Compiled {
  const { lock, size, diagnostics } = headOf(result)
  const files = allTexts(result)
  const parsed = <T>(path: string): (() => T) => once(() => JSON.parse(files.get(path) ?? ''))
  const [contract, manifest, diff] = [
    parsed<BundleFile>('bundle.json'),
    parsed<Manifest>('manifest.json'),
    parsed<Diff>('diff.json'),
  ]
  if (past !== null) files.set('base.json', past.text)
  const bundle: OpenedBundle = {
    files,
    get base() {
      return past?.manifest() ?? null
    },
    get contract() {
      return contract()
    },
    get manifest() {
      return manifest()
    },
    get diff() {
      return diff()
    },
  }
  return {
    ...{ bundle, lock, size, diagnostics },
    get manifest() {
      return manifest()
    },
    last: { pass: 'emit', output: bundle },
  }
}
