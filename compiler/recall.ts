// The last compile of an environment again, when nothing that it read has changed: files, base, parameters and what the
// sources hold. Then no pass runs, and none is even loaded. One slot an environment; what is damaged counts as not there.

import type { BundleFile } from '../runtime/contract/bundle.ts'
import { canonicalJson, prettyJson, sha256 } from '../runtime/contract/canonical-json.ts'
import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import type { Diff } from '../runtime/contract/diff.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'
import type { Compiled, CompileInput } from './compile.ts'
import { fileDigest } from './file-digest.ts'
import type { KeptResult, ResultCache, SourceObservation, SourceRequest } from './ports.ts'

interface Observed {
  readonly requests: readonly SourceRequest[]
  readonly answers: readonly SourceObservation[]
}

/** A compile without errors. */
interface Kept {
  readonly input: string
  readonly observed: readonly Observed[]
  /** Where each step's text is in apply.sql: path, start, end. Those that are not there are among the texts. */
  readonly steps: readonly (readonly [string, number, number])[]
  readonly lock: string | null
  readonly size: Compiled['size']
  readonly diagnostics: readonly Diagnostic[]
}

export interface RecallInput extends CompileInput {
  /** Where results are kept: megabytes, which other commands need not read. */
  readonly results: ResultCache
}

/** As `compile`, with the same result. */
export async function recallOrCompile(input: RecallInput): Promise<Compiled> {
  const slot = input.environment ?? ''
  const key = `compiled/${slot}`
  const digest = inputDigest(input)
  const known = input.stopAfter === undefined && input.cache.get(key) === digest
  const result = known ? input.results.get(slot) : undefined
  // Written below by this function only.
  const kept = result?.head as Kept | undefined
  if (result !== undefined && kept?.input === digest && (await holds(kept.observed, input))) {
    const contract = contractOf(result.texts)
    if (contract !== null) return recalled(kept, contract, result.texts, input)
  }

  const observed: Observed[] = []
  const observe: CompileInput['observe'] = async (requests) => {
    const answers = await input.observe(requests)
    observed.push({ requests, answers })
    return answers
  }
  // A server's answer cannot be looked at again without asking it.
  let isAsked = false
  const observeTables: CompileInput['observeTables'] = (requests) => {
    isAsked = true
    return input.observeTables(requests)
  }
  const bindOnServer: CompileInput['bindOnServer'] = (...asked) => {
    isAsked = true
    return input.bindOnServer(...asked)
  }
  const { compile } = await import('./compile.ts')
  const compiled = await compile({ ...input, observe, observeTables, bindOnServer })
  if (compiled.bundle !== null && !isAsked) {
    input.cache.set(key, digest)
    input.results.set(slot, keep(compiled, digest, observed))
  }
  return compiled
}

function inputDigest(input: RecallInput): string {
  const {
    files,
    environment,
    base,
    keptBase,
    carry,
    due = [],
    params,
    acceptSources,
    lastOutputs,
    sourceDefaults,
    connectionSchemas: schemas,
    executes,
  } = input
  const texts = files.map((file) => [file.path, fileDigest(file)]).sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  const production = base === null ? null : (keptBase?.digest ?? sha256(prettyJson(base)))
  const last = lastOutputs ?? {}
  return sha256(
    canonicalJson([
      texts,
      environment,
      production,
      carry ?? true,
      due,
      params,
      acceptSources,
      last,
      sourceDefaults,
      schemas,
      executes ?? null,
    ]),
  )
}

/** Whether the sources are what they were; asks as the compile asked. */
async function holds(observed: readonly Observed[], { observe }: CompileInput): Promise<boolean> {
  for (const { requests, answers } of observed)
    if (canonicalJson(await observe(requests)) !== canonicalJson(answers)) return false
  return true
}

/** The texts are those of every file but the steps and base.json. */
function keep({ bundle, lock, size, diagnostics }: Compiled, input: string, observed: readonly Observed[]): KeptResult {
  const files = bundle?.files ?? new Map<string, string>()
  const whole = files.get('apply.sql') ?? ''
  let at = 0
  const steps = (bundle?.contract.steps ?? []).flatMap(({ file }): [string, number, number][] => {
    const text = files.get(file) ?? ''
    const start = whole.indexOf(text, at)
    if (start === -1) return []
    at = start + text.length
    return [[file, start, at]]
  })
  const paths = new Set(steps.map(([path]) => path))
  const texts = new Map([...files].filter(([path]) => !paths.has(path) && path !== 'base.json'))
  const head: Kept = { input, observed, steps, lock, size, diagnostics }
  return { head, texts }
}

/** The bundle that the texts are, by their digests; null: they were damaged. */
function contractOf(texts: ReadonlyMap<string, string>): BundleFile | null {
  try {
    const contract: BundleFile = JSON.parse(texts.get('bundle.json') ?? '')
    const whole = [...texts].every(([path, text]) => path === 'bundle.json' || sha256(text) === contract.files[path])
    return whole ? contract : null
  } catch {
    return null
  }
}

function recalled(
  { steps, lock, size, diagnostics }: Kept,
  contract: BundleFile,
  texts: ReadonlyMap<string, string>,
  { base, keptBase }: CompileInput,
): Compiled {
  const manifestText = texts.get('manifest.json') ?? ''
  const manifest: Manifest = JSON.parse(manifestText)
  const diff: Diff = JSON.parse(texts.get('diff.json') ?? '')
  const whole = texts.get('apply.sql') ?? ''
  const files = new Map([...texts, ...steps.map(([path, start, end]) => [path, whole.slice(start, end)] as const)])
  // Without a change, production's manifest is this one.
  if (base !== null)
    files.set(
      'base.json',
      contract.base === contract.files['manifest.json'] ? manifestText : (keptBase?.text() ?? prettyJson(base)),
    )
  const bundle = { contract, files, manifest, base, diff }
  return { bundle, lock, size, manifest, last: { pass: 'emit', output: bundle }, diagnostics }
}
