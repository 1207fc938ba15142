// The row of passes, top to bottom; the only file that knows their order.
// load → validate → resolve → graph → bind → fingerprint → diff → plan → rewrite → emit

import type { OpenedBundle } from '../runtime/contract/bundle.ts'
import { type Diagnostic, isError, sortDiagnostics } from '../runtime/contract/diagnostics.ts'
import type { EngineChoice } from '../runtime/contract/engines.ts'
import type { EnvironmentName } from '../runtime/contract/ids.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'
import type { LastOutputs } from './bind/bound-node.ts'
import { SourcesAhead } from './bind/sources-ahead.ts'
import { bind } from './bind.ts'
import { type Diffed, diff } from './diff.ts'
import { emit } from './emit.ts'
import { type Fingerprinted, fingerprint } from './fingerprint.ts'
import { graph } from './graph.ts'
import { type Json, load, type ProjectFile } from './load.ts'
import { type Judged, mistakesElsewhere } from './mistakes-elsewhere.ts'
import { NOTHING_OUTSIDE, type Outside } from './outside.ts'
import type { KeptBase } from './past.ts'
import { plan } from './plan.ts'
import type {
  BindOnServer,
  CheckQueries,
  CompileCache,
  ConnectionSchemas,
  LazySqlEngine,
  ObserveSources,
  ObserveTables,
  SameQueries,
  SourceDefaults,
  TranslateQueries,
} from './ports.ts'
import { type ResolveOptions, resolve } from './resolve.ts'
import { type RewrittenStep, rewrite } from './rewrite.ts'
import { lockText } from './validate/project.ts'
import { validate } from './validate.ts'

export const PASSES = [
  'load',
  'validate',
  'resolve',
  'graph',
  'bind',
  'fingerprint',
  'diff',
  'plan',
  'rewrite',
  'emit',
] as const
export type Pass = (typeof PASSES)[number]

export interface CompileInput {
  /** Every .yml, .yaml and .sql file of the project, and seeknal.lock.json; any order. */
  readonly files: readonly ProjectFile[]
  readonly environment: EnvironmentName | null
  /** The production manifest, or null when there is none. */
  readonly base: Manifest | null
  readonly keptBase?: KeptBase
  /** From which fingerprints are carried over; the base is then only compared with. Null: from none. Default: the base. */
  readonly carryFrom?: Manifest | null
  /** Nodes of the base whose stored outputs were made from older data than it has now. Default: none. */
  readonly due?: readonly string[]
  /** The engine, where the profile has a say in it; default: what the project says. */
  readonly executes?: EngineChoice
  /** `--params`: override placeholders of the same name. */
  readonly params: { readonly [key: string]: Json }
  readonly engine: LazySqlEngine
  readonly observe: ObserveSources
  readonly observeTables: ObserveTables
  readonly checkQueries: CheckQueries
  readonly sameQueries: SameQueries
  readonly translateQueries: TranslateQueries
  readonly bindOnServer: BindOnServer
  /** Of the profile. */
  readonly sourceDefaults: SourceDefaults
  readonly connectionSchemas: ConnectionSchemas
  readonly cache: CompileCache
  /** Accept that a source no longer has its locked columns. */
  readonly acceptSources: boolean
  /** Only warned about: no byte of the bundle depends on them. */
  readonly lastOutputs?: LastOutputs
  readonly stopAfter?: Pass
}

export interface Compiled {
  /** Null when there are errors or `stopAfter` came first. */
  readonly bundle: OpenedBundle | null
  /** Output of the last pass that ran, printable as JSON. */
  readonly last: { readonly pass: Pass; readonly output: unknown }
  /** Text of seeknal.lock.json as it should be, or null when bind did not run. */
  readonly lock: string | null
  /** How many nodes and edges there are, or null when graph did not run. */
  readonly size: { readonly nodes: number; readonly edges: number } | null
  /** With carried fingerprints as soon as diff has run; null when fingerprint did not. */
  readonly manifest: Manifest | null
  readonly diagnostics: readonly Diagnostic[]
}

export interface Compilation extends Compiled {
  /** What a compile after this one may take over; null when there is no bundle. */
  readonly parts: Parts | null
}

export interface Parts {
  /** As `fingerprint` gave it: before anything was carried over. */
  readonly fresh: Manifest
  readonly steps: readonly RewrittenStep[]
  /** How many different questions about plans there were. */
  readonly asked: number
}

/**
 * Compiles a project. A pass reports all that it can; the next one runs only when nothing so far is an error, then over
 * the documents without a mistake, for what else is wrong in them. Never throws for a mistake of the author: `bundle` is
 * null then, and `diagnostics` say why. With nodes `outside`, `files` need not hold those; `bundle` is null as well when
 * they do not fit together.
 */
export async function compile(input: CompileInput, outside: Outside = NOTHING_OUTSIDE): Promise<Compilation> {
  const compilation = await compiledOnce(input, outside)
  const found = judged(compilation, input)
  if (found.isWhole || outside !== NOTHING_OUTSIDE) return compilation
  const { nodes } = load(input.files, input.cache)
  const elsewhere = await mistakesElsewhere(input.files, nodes, found, async (files) => {
    const rest: CompileInput = { ...input, files, stopAfter: lastToJudge(input) }
    return judged(await compiledOnce(rest, outside), rest)
  })
  return { ...compilation, diagnostics: sortDiagnostics([...compilation.diagnostics, ...elsewhere]) }
}

/** What the passes after bind report does not hang on single documents. */
const lastToJudge = ({ stopAfter = 'bind' }: CompileInput): Pass => (isBefore(stopAfter, 'bind') ? stopAfter : 'bind')

const isBefore = (one: Pass, other: Pass): boolean => PASSES.indexOf(one) < PASSES.indexOf(other)

function judged({ diagnostics, last }: Compiled, input: CompileInput): Judged {
  return { diagnostics, isWhole: !diagnostics.some(isError) || !isBefore(last.pass, lastToJudge(input)) }
}

async function compiledOnce(input: CompileInput, outside: Outside): Promise<Compilation> {
  const sources = new SourcesAhead(input)
  try {
    return await passes(input, outside, sources)
  } finally {
    await sources.settled()
  }
}

async function passes(input: CompileInput, outside: Outside, sources: SourcesAhead): Promise<Compilation> {
  const row = new Row(input.stopAfter, outside)
  const { engine, cache } = input
  const { records } = outside

  const loaded = load(input.files, cache)
  if (row.ends('load', loaded)) return row.compiled()
  const validated = validate(loaded, input.executes)
  if (row.ends('validate', validated) || !outside.fits(validated)) return row.compiled()
  const onFiles: ResolveOptions['onFiles'] = (files) => sources.begin(files, validated.lock)
  const isBound = input.stopAfter === undefined || PASSES.indexOf(input.stopAfter) >= PASSES.indexOf('bind')
  const resolved = await resolve(validated, isBound ? { ...input, onFiles } : input, records)
  if (row.ends('resolve', resolved)) return row.compiled()
  const ordered = graph(resolved, records)
  row.size = { nodes: ordered.nodes.length + records.size, edges: ordered.edgeCount }
  const isSorted = ordered.order.length === resolved.nodes.length + records.size
  if (row.ends('graph', ordered) || !isSorted) return row.compiled()
  const bound = await bind(ordered, input, records, sources.bound)
  const lock = lockText({ ...outside.lock, ...bound.lock })
  if (row.ends('bind', bound) || !outside.isSeenAsBefore(bound)) return row.compiled({ lock })
  const fingerprinted = fingerprint(bound, records)
  row.manifest = fingerprinted.manifest
  if (row.ends('fingerprint', fingerprinted)) return row.compiled({ lock })
  const compared = await diff(fingerprinted, input.base, engine, cache, input)
  const diffed = await carriedFrom(compared, fingerprinted, input)
  row.manifest = diffed.manifest
  if (row.ends('diff', diffed)) return row.compiled({ lock })
  const planned = plan(diffed, input.environment, input.due)
  if (row.ends('plan', planned)) return row.compiled({ lock })
  const rewritten = rewrite(planned, outside.steps)
  const isWhole = rewritten.steps.length === planned.steps.length
  if (row.ends('rewrite', rewritten) || !isWhole) return row.compiled({ lock })
  const bundle = await emit(rewritten, input.base, cache, input.keptBase, outside)
  row.ends('emit', bundle)
  return row.compiled({
    lock,
    bundle,
    parts: { fresh: fingerprinted.manifest, steps: rewritten.steps, asked: diffed.asked },
  })
}

/** The same with the fingerprints that the manifest has over another than the base. */
async function carriedFrom(compared: Diffed, fingerprinted: Fingerprinted, input: CompileInput): Promise<Diffed> {
  const { carryFrom, engine, cache } = input
  if (carryFrom === undefined) return compared
  if (carryFrom === null) return { ...compared, manifest: fingerprinted.manifest }
  const { manifest } = await diff(fingerprinted, carryFrom, engine, cache, input)
  return { ...compared, manifest }
}

/** Gathers what the passes report, and says after each whether it was the last. */
class Row {
  size: Compiled['size'] = null
  manifest: Manifest | null = null
  readonly #stopAfter: Pass | undefined
  readonly #diagnostics: Diagnostic[]
  #last: Compiled['last'] = { pass: 'load', output: null }

  constructor(stopAfter: Pass | undefined, outside: Outside) {
    this.#stopAfter = stopAfter
    this.#diagnostics = [...outside.diagnostics]
  }

  ends(pass: Pass, output: object & { readonly diagnostics?: readonly Diagnostic[] }): boolean {
    this.#diagnostics.push(...(output.diagnostics ?? []))
    this.#last = { pass, output }
    return pass === this.#stopAfter || this.#diagnostics.some(isError)
  }

  compiled({
    lock = null,
    bundle = null,
    parts = null,
  }: {
    readonly lock?: string | null
    readonly bundle?: OpenedBundle | null
    readonly parts?: Parts | null
  } = {}): Compilation {
    const { size, manifest } = this
    return { bundle, lock, size, manifest, parts, last: this.#last, diagnostics: sortDiagnostics(this.#diagnostics) }
  }
}
