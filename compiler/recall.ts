// The last compile of an environment again. When nothing that it read has changed (files, base, parameters and what the
// sources hold), no pass runs, and none is even loaded. When only the base or texts of files of nodes have, the passes run over
// these files and, where readers see it, those of all that reads them (recall/cone.ts); of production a part may do
// (recall/part.ts). Else everything is compiled. One slot an environment.

import { byCodeUnit, canonicalJson, prettyJson, sha256 } from '../runtime/contract/canonical-json.ts'
import { isError } from '../runtime/contract/diagnostics.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'
import type { Compilation, Compiled, CompileInput } from './compile.ts'
import { sameJson } from './diff/pairs.ts'
import { fileDigest } from './file-facts.ts'
import { kindOf } from './load/file-kinds.ts'
import { NOTHING_OUTSIDE } from './outside.ts'
import type { Past } from './past.ts'
import type { KeptResult, ResultCache } from './ports.ts'
import type { Cone } from './recall/cone.ts'
import { headOf, keep, lastOf, type Made, type Observed, recalled } from './recall/kept.ts'

export interface RecallInput extends Omit<CompileInput, 'base' | 'keptBase'> {
  readonly past: Past | null
  /** Where results are kept: megabytes, which other commands need not read. */
  readonly results: ResultCache
  /** Lets the engine open on a thread of its own while files are read. What it fails with is told to who asks for it. */
  readonly beginEngine: () => Promise<void>
}

/** As `compile`, with the same result. */
export async function recallOrCompile(input: RecallInput): Promise<Compiled> {
  const made = madeFrom(input)
  const [rest, digest] = lastMade(input)
  const begin = async () => (input.stopAfter === undefined ? await input.beginEngine() : undefined)
  // It opens while what is known of the last compile is read.
  if (digest !== made.digest) await begin()
  const last = rest === made.rest ? await lastResult(input, made) : null
  const changed = last === null ? null : changedFiles(headOf(last), made)
  const isAgain = last !== null && changed?.size === 0 && headOf(last).past === made.past
  if (isAgain) {
    const again = await recalledWhole(last, input)
    if (again !== null) return again
  }
  if (digest === made.digest) await begin()
  const again =
    last === null || changed === null || isAgain ? null : await compiledCone(last, someOf(changed, made), input, made)
  return again ?? compiledAnew(input, made, { outside: NOTHING_OUTSIDE, observed: [] })
}

/** So many files are compiled sooner than what is known of them is read. */
const FEW = 8

/** Under which a result is kept. */
export const slotOf = ({ environment }: Pick<RecallInput, 'environment'>): string => environment ?? ''
const keyOf = (input: RecallInput): string => `compiled/${slotOf(input)}`

/** What the last compile was made from, as far as that is known without reading it. */
function lastMade(input: RecallInput): readonly unknown[] {
  const known = input.cache.get(keyOf(input))
  return Array.isArray(known) ? known : []
}

/** A compile needs a node: where only the past is another, it is any. */
const someOf = (changed: ReadonlySet<string>, { files }: Made): ReadonlySet<string> =>
  changed.size > 0 ? changed : new Set(files.slice(0, 1).map(([path]) => path))

/** Null: there is none, or it was made from other things than texts of files of nodes and a past. */
async function lastResult(input: RecallInput, { rest }: Made): Promise<KeptResult | null> {
  if (input.stopAfter !== undefined) return null
  const result = await input.results.get(slotOf(input))
  return result !== undefined && headOf(result).rest === rest ? result : null
}

/** Null: there are other files. */
function changedFiles({ files: before }: Made, { files }: Made): ReadonlySet<string> | null {
  if (files.length !== before.length || files.some(([path], i) => path !== before[i]?.[0])) return null
  return new Set(files.flatMap(([path, digest], i) => (digest === before[i]?.[1] ? [] : [path])))
}

async function recalledWhole(last: KeptResult, input: RecallInput): Promise<Compiled | null> {
  return (await holds(headOf(last).observed, input)) ? recalled(last, input.past) : null
}

type Reach = 'nothing' | 'readers'

/** As `compiledCone`, of production, where what the few files say stands in known places only; else how far to reach then. */
async function compiledPatch(
  result: KeptResult,
  changed: ReadonlySet<string>,
  input: RecallInput,
  made: Made,
): Promise<Compiled | readonly Reach[]> {
  const { past } = input
  const isAlike = input.environment === null && input.carryFrom === undefined && headOf(result).past === made.past
  if (!isAlike || past?.isPretty === false || changed.size > FEW) return EACH
  const [{ coneOf }, { partOf, partWithPast }] = await Promise.all([
    import('./recall/cone.ts'),
    import('./recall/part.ts'),
  ])
  const { part, base } =
    past === null ? { part: partOf(result, changed), base: null } : partWithPast(result, changed, past)
  const cone = part === null ? null : coneOf(part, changed, 'nothing')
  if (part === null || cone === null || !(await holds(cone.observed, input))) return EACH
  const { compilation, observed, isAsked } = await compiledOver(inputOf(cone, input), cone, base)
  if (compilation.bundle === null) return reachAfter(compilation)
  if (isAsked) return EACH
  const { patched } = await import('./recall/patch.ts')
  const kept = patched(result, { part, compilation, made, observed }, past)
  if (kept === null) return EACH
  remember(input, made, kept)
  return recalled(kept, past)
}

const EACH: readonly Reach[] = ['nothing', 'readers']

/** What a part could not tell, all nodes outside can only where it knew none that was asked for. */
function reachAfter({ diagnostics }: Compilation): readonly Reach[] {
  if (diagnostics.some(({ code }) => /^RESOLVE_(REF|READS)_/.test(code))) return EACH
  return diagnostics.some(isError) ? [] : ['readers']
}

/** A few files are compiled sooner than what is known of them is read. */
function inputOf({ holds }: Cone, input: RecallInput): RecallInput {
  const files = input.files.filter(({ path }) => holds(path))
  return { ...input, files, cache: files.length > FEW ? input.cache : (input.cache.withoutReading?.() ?? input.cache) }
}

const isReach = (patch: Compiled | readonly Reach[]): patch is readonly Reach[] => Array.isArray(patch)

/** Null: the files and what is outside do not fit together, or there is an error: then all of them are to be told. */
async function compiledCone(
  result: KeptResult,
  changed: ReadonlySet<string>,
  input: RecallInput,
  made: Made,
): Promise<Compiled | null> {
  const patch = await compiledPatch(result, changed, input, made)
  if (!isReach(patch)) return patch
  if (patch.length === 0) return null
  const { coneOf } = await import('./recall/cone.ts')
  const last = lastOf(result)
  for (const reach of patch) {
    const cone = coneOf(last, changed, reach)
    if (cone === null || !(await holds(cone.observed, input))) return null
    const compiled = await compiledAnew(inputOf(cone, input), made, cone)
    if (compiled.bundle !== null) return compiled
    if (compiled.diagnostics.some(isError)) return null
  }
  return null
}

async function compiledAnew(input: RecallInput, made: Made, over: Over): Promise<Compiled> {
  const { compilation, observed, isAsked } = await compiledOver(input, over, input.past?.manifest() ?? null)
  const { parts, ...compiled } = compilation
  if (parts !== null && !isAsked) {
    remember(input, made, keep(compiled, parts, made, observed))
  }
  return compiled
}

function remember(input: RecallInput, { rest, digest }: Made, kept: KeptResult): void {
  if (!sameJson(lastMade(input), [rest, digest])) input.cache.set(keyOf(input), [rest, digest])
  input.results.set(slotOf(input), kept)
}

type Over = Pick<Cone, 'outside' | 'observed'>

interface Run {
  readonly compilation: Compilation
  readonly observed: readonly Observed[]
  /** Of a server, whose answer cannot be looked at again without asking it. */
  readonly isAsked: boolean
}

async function compiledOver(
  { past, ...input }: RecallInput,
  { outside, observed: before }: Over,
  base: Manifest | null,
): Promise<Run> {
  const observed = [...before]
  const observe: CompileInput['observe'] = async (requests) => {
    const answers = await input.observe(requests)
    for (const [i, request] of requests.entries()) {
      const answer = answers[i]
      if (answer !== undefined) observed.push([request, answer])
    }
    return answers
  }
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
  const kept = past === null ? {} : { keptBase: past }
  const compilation = await compile({ ...input, base, ...kept, observe, observeTables, bindOnServer }, outside)
  return { compilation, observed, isAsked }
}

function madeFrom(input: RecallInput): Made {
  const { environment, past, carryFrom, due = [], params, acceptSources, lastOutputs, executes } = input
  const digests = input.files
    .map((file): [string, string] => [file.path, fileDigest(file)])
    .sort(([a], [b]) => byCodeUnit(a, b))
  const rest = [
    digests.filter(([path]) => kindOf(path) !== 'node'),
    environment,
    params,
    acceptSources,
    lastOutputs ?? {},
    input.sourceDefaults,
    input.connectionSchemas,
    executes ?? null,
  ]
  const files = digests.filter(([path]) => kindOf(path) === 'node')
  const from = carryFrom === undefined ? true : carryFrom && sha256(prettyJson(carryFrom))
  const made = {
    rest: sha256(canonicalJson(rest)),
    past: sha256(canonicalJson([past?.digest ?? null, from, due])),
    files,
  }
  return { ...made, digest: sha256(JSON.stringify(made)) }
}

/** Whether the sources are what they were; asks as the compile asked. */
async function holds(observed: readonly Observed[], { observe }: Pick<RecallInput, 'observe'>): Promise<boolean> {
  const answers = await observe(observed.map(([request]) => request))
  return canonicalJson(answers) === canonicalJson(observed.map(([, answer]) => answer))
}
