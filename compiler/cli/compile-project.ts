// A workspace → what the compiler says about it. Diagnostics are printed here; errors end the command (PROJECT_INVALID).

import { setFlagsFromString } from 'node:v8'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import { counted } from '../../runtime/cli/text.ts'
import { buildSteps, type OpenedBundle } from '../../runtime/contract/bundle.ts'
import { type Diagnostic, isError } from '../../runtime/contract/diagnostics.ts'
import { Bug, RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import { outputSchemas } from '../../runtime/contract/table-steps.ts'
import { leftDue } from '../../runtime/execute/left-due.ts'
import { requireOwnNamespace } from '../../runtime/promote/namespaces.ts'
import { writeAtomic } from '../../runtime/store/files.ts'
import { type Generation, lastProven } from '../../runtime/store/generations.ts'
import type { LastOutputs } from '../bind/bound-node.ts'
import type { Compiled, Pass } from '../compile.ts'
import type { Json, ProjectFile } from '../load.ts'
import { type Past, pastOf } from '../past.ts'
import { sayDiagnostics } from './diagnostics.ts'
import { sayUnusedParams, unusedParams } from './unused-params.ts'
import type { Workspace } from './workspace.ts'

export interface CompileRequest {
  readonly environment: EnvironmentName | null
  /** What is compared with; default: production. */
  readonly past?: Past | null
  readonly params: { readonly [key: string]: Json }
  /** Nodes of it that were made from older data; default: those of production, when it is the base. */
  readonly due?: readonly string[]
  /** What comes out is executed as the compiler's own word: it takes nothing over from a production that is not. */
  readonly executes?: boolean
  readonly acceptSources?: boolean
  readonly stopAfter?: Pass
  /** Told of the paths and globs of file sources before the compiler looks at them. */
  readonly onSources?: (paths: readonly string[]) => void
  /** Files in place of those of the project. */
  readonly files?: readonly ProjectFile[]
}

/** Ends a command whose project has errors, which have been printed. */
export function projectErrors(diagnostics: readonly Diagnostic[]): RuntimeFailure {
  const message = `The project has ${counted(diagnostics.filter(isError).length, 'error')}; nothing was done.`
  return new RuntimeFailure('PROJECT_INVALID', message, { diagnostics })
}

/** Files of a project whose compile is long enough for settings of V8 to count. */
const SOME_FILES = 200
/** Files of a project for whose compile memory counts more than time. */
const MANY_FILES = 2000
/** V8's own, in bytes of code run. */
const USUAL_BUDGET = 67_584

/**
 * Settings of V8, by the number of files. Functions are optimised later than usual: that is done beside the program, on a
 * core that the engine wants, and most of it for what soon is over. With very many files the heap grows by little between
 * two collections, not by a multiple: half the memory for a sixth more time. What the process started with is set again
 * at its end: V8 takes its kept code (runtime/cli/launch.ts) only under the same flags.
 */
function suitV8(files: number): void {
  if (files <= SOME_FILES) return
  setFlagsFromString('--interrupt-budget=300000')
  if (files > MANY_FILES) setHeapGrowth(15, 1)
  // Before the code is kept.
  process.prependOnceListener('exit', () => {
    setFlagsFromString(`--interrupt-budget=${USUAL_BUDGET}`)
    setHeapGrowth(0, 2)
  })
}

function setHeapGrowth(percent: number, factor: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`)
  setFlagsFromString(`--semi-space-growth-factor=${factor}`)
}

/** Compiles, whatever comes out of it. Prints nothing. */
export async function compiled(workspace: Workspace, request: CompileRequest): Promise<Compiled> {
  const { recallOrCompile, slotOf } = await import('../recall.ts')
  await workspace.shared(request.environment).catch((error: unknown) => {
    // What executes must know production; what only compiles goes on with what is remembered, and says so.
    if (request.executes === true || !isUnreachable(error)) throw error
  })
  if (request.stopAfter === undefined) {
    // Megabytes, read while files are looked at; and the engine opens meanwhile.
    workspace.results.begin(slotOf(request))
    if (request.files === undefined && workspace.hasNews()) await workspace.beginEngine()
  }
  const files = request.files ?? workspace.files()
  suitV8(files.length)
  const production = request.past === undefined ? workspace.production() : null
  return recallOrCompile({
    files,
    environment: request.environment,
    past: production === null ? (request.past ?? null) : pastOfProduction(production),
    due: request.environment === null ? [] : (request.due ?? nodesLeftDue(production)),
    // What a bundle that was not compiled here said of production is not the compiler's word.
    ...(request.executes === true && production?.state.unproven === true
      ? { carryFrom: lastProven(workspace.store) }
      : {}),
    params: request.params,
    engine: workspace.engine,
    beginEngine: workspace.beginEngine,
    observe: (requests) => {
      request.onSources?.(requests.map(({ path }) => path))
      return workspace.observer.observe(requests)
    },
    ...workspace.databases.portsFor(request.environment, { files, params: request.params }),
    cache: workspace.cache,
    results: workspace.results,
    acceptSources: request.acceptSources ?? false,
    lastOutputs: lastOutputs(workspace.production()),
    ...(request.stopAfter === undefined ? {} : { stopAfter: request.stopAfter }),
  })
}

const pastOfProduction = (production: Generation): Past => ({
  text: production.manifestText,
  digest: production.manifestDigest,
  isPretty: production.isPretty,
  manifest: () => production.manifest,
})

/** A bundle's base, for one that is compared with it. */
export function pastOfBundle({ base, contract, files }: OpenedBundle): Past | null {
  const text = files.get('base.json')
  if (base === null) return null
  return contract.base === null || text === undefined ? pastOf(base) : pastOf(base, { digest: contract.base, text })
}

/** The database that holds the state cannot be asked. */
const isUnreachable = (error: unknown): error is RuntimeFailure =>
  error instanceof RuntimeFailure && (error.code === 'CONNECTION_FAILED' || error.code === 'PROFILE_INVALID')

/** Says it when production's state is only remembered. */
async function sayRemembered(
  workspace: Workspace,
  environment: EnvironmentName | null,
  terminal: Terminal,
): Promise<void> {
  try {
    await workspace.shared(environment)
  } catch (error) {
    if (!isUnreachable(error)) throw error
    terminal.warn(`Production cannot be asked for; compared is with what target/ remembers of it. ${error.message}`)
  }
}

const nodesLeftDue = (production: Generation | null): readonly string[] =>
  production === null ? [] : leftDue(production).map(({ node }) => node)

/** The same as a bundle was planned with it: what it makes anew although nothing that it is made from was edited. */
export function dueIn({ contract, base, diff }: OpenedBundle): readonly string[] {
  const inBase = new Set(base?.nodes.map((node) => node.id))
  const executes = new Set(diff.execute.map((execution) => execution.node))
  return buildSteps(contract).flatMap(({ node }) => (inBase.has(node) && !executes.has(node) ? [node] : []))
}

/** What readers of outputs are warned by whose columns only data can tell. */
export function lastOutputs(production: Generation | null): LastOutputs {
  if (production === null || !/"columns":\s*null/.test(production.manifestText)) return {}
  const late = production.manifest.nodes.flatMap(({ id, columns, sql }) => {
    const state = columns === null ? production.state.nodes[id] : undefined
    return state === undefined || sql === undefined ? [] : [[id, { sql, columns: state.snapshot.columns }] as const]
  })
  return Object.fromEntries(late)
}

export interface CompiledProject {
  readonly bundle: OpenedBundle
  /** Text of seeknal.lock.json as it should be. */
  readonly lock: string
  readonly size: { readonly nodes: number; readonly edges: number }
  readonly diagnostics: readonly Diagnostic[]
}

/** Compiles to the end and prints the diagnostics. Throws PROJECT_INVALID, ENVIRONMENT_NAME. */
export async function compileProject(
  workspace: Workspace,
  request: CompileRequest,
  terminal: Terminal,
): Promise<CompiledProject> {
  const result = await compiled(workspace, request)
  if (request.past === undefined) await sayRemembered(workspace, request.environment, terminal)
  sayDiagnostics(terminal, result.diagnostics, request.files ?? workspace.files())
  if (result.diagnostics.some(isError)) throw projectErrors(result.diagnostics)
  sayUnusedParams(terminal, unusedParams(request.params, request.files ?? workspace.files()))
  if (result.bundle === null || result.lock === null || result.size === null)
    throw new Bug('a compile without errors gave no bundle')
  if (request.environment !== null)
    requireOwnNamespace(
      request.environment,
      [result.bundle.manifest, result.bundle.base],
      outputSchemas(result.bundle.contract.engine.schema),
    )
  return { bundle: result.bundle, lock: result.lock, size: result.size, diagnostics: result.diagnostics }
}

/** Writes seeknal.lock.json when it says something new. Nothing is written for a project without sources. */
export function keepLock({ root, files }: Workspace, lock: string, terminal: Terminal): void {
  const present = files().find((file) => file.path === 'seeknal.lock.json')?.text ?? null
  if (present === lock || (present === null && !lock.includes('columns'))) return
  writeAtomic(`${root}/seeknal.lock.json`, lock, false)
  terminal.detail('wrote seeknal.lock.json')
}
