// The record that `unchanged.ts` reads: source stamps are taken before the run, project files are compared with what
// was compiled after it. What cannot be proven leaves no record.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { warnedChecks } from '../../runtime/cli/check-lines.ts'
import { summaryOf } from '../../runtime/cli/run-report.ts'
import { styled } from '../../runtime/cli/text.ts'
import { canonicalJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import { asNodeId, outputStem } from '../../runtime/contract/ids.ts'
import { RUN_NAMES } from '../../runtime/contract/manifest.ts'
import type { RunRequest, RunResult } from '../../runtime/execute/run.ts'
import { type RunValues, runValues, sourcePattern } from '../../runtime/execute/values.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { expandGlob } from '../../runtime/store/glob.ts'
import { currentLink } from '../../runtime/store/store.ts'
import type { Json } from '../load.ts'
import { buildIdentity } from './build-identity.ts'
import { type CompiledProject, lastOutputs } from './compile-project.ts'
import { frame, sourceLines } from './diagnostics.ts'
import { identityOf } from './file-stamps.ts'
import { LOCK_FILE } from './project-paths.ts'
import { keepRecord, lockDigest, PRODUCTION_FILES, stampsOf, type UnchangedRecord, valueDigest } from './unchanged.ts'
import { formsIn, type Workspace } from './workspace.ts'

/** To be called before the run, with what it was asked for. */
export function prepareRecord(
  workspace: Workspace,
  { bundle, lock, size, diagnostics }: CompiledProject,
  params: { readonly [key: string]: Json },
  request: RunRequest,
): { readonly keep: (result: RunResult) => void } {
  const { store, root } = workspace
  const values = runValues(request, bundle.contract)
  const parameters = bundle.contract.requires.parameters.filter((name) => !RUN_NAMES.includes(name))
  const sources = sourcesOf(workspace, bundle.manifest.nodes, values)
  const volatile = bundle.manifest.nodes.some((node) => node.volatile !== undefined || node.source_table !== undefined)
  const record = (result: RunResult): UnchangedRecord | null => {
    if (result.outcome !== 'done' && result.outcome !== 'nothing') return null
    const files = unchangedFiles(workspace)
    const current = currentLink(store)
    const production = readProduction(store, formsIn(workspace.cache))
    if (bundle.contract.requires.connections.length > 0) return null
    if (volatile || sources === null || files === null || current === null || production === null) return null
    if (!sameLock(root, lock)) return null
    // What was warned about before the run may be another thing after it.
    if (canonicalJson(lastOutputs(production)) !== canonicalJson(lastOutputs(workspace.production()))) return null
    const documents = PRODUCTION_FILES.map(
      (path) => [path, identityOf(join(store.target, current, path)) ?? ''] as const,
    )
    const outputs = Object.entries(production.state.nodes).map(
      ([id, { snapshot }]) => [`intermediate/${outputStem(asNodeId(id))}.parquet`, snapshot.size_bytes] as const,
    )
    const lines = sourceLines(workspace.files())
    return {
      build: buildIdentity(),
      params: canonicalJson(params),
      files,
      lock: lockDigest(root),
      current,
      production: documents,
      sources,
      outputs,
      parameters: Object.fromEntries(parameters.map((name) => [name, valueDigest(values.parameters[name])])),
      size,
      warnings: [
        ...diagnostics.flatMap((diagnostic) => frame(diagnostic, lines)),
        ...warnedChecks(result).map((line) => [styled('yellow', '⚠'), ' ', line]),
      ],
      summary: nothingToDo(result, production.number, production.manifest.nodes.length),
    }
  }
  return { keep: (result) => keepRecord(store, record(result)) }
}

/** What a run that finds everything as it is would say. */
const nothingToDo = (result: RunResult, generation: number, cached: number): UnchangedRecord['summary'] => ({
  ...summaryOf({
    ...result,
    outcome: 'nothing',
    generation,
    removed: [],
    stillDue: [],
    counts: { executed: 0, reused: 0, cached, skipped: 0, failed: 0 },
  }),
  ms: 0,
})

type ManifestNodes = CompiledProject['bundle']['manifest']['nodes']

/** Null when a file is too young to be trusted. */
function sourcesOf({ root }: Workspace, nodes: ManifestNodes, values: RunValues): UnchangedRecord['sources'] | null {
  const sources = nodes.flatMap((node) => {
    if (node.source_files === undefined) return []
    const pattern = sourcePattern(node.source_files.path, values)
    return [{ pattern, files: stampsOf(root, expandGlob(root, pattern)) }]
  })
  return sources.every((source): source is UnchangedRecord['sources'][number] => source.files !== null) ? sources : null
}

/** Stamps of the project's files, if each still says what was compiled. */
function unchangedFiles({ root, files }: Workspace): UnchangedRecord['files'] | null {
  const compiled = files().filter((file) => file.path !== LOCK_FILE)
  const stamps = stampsOf(
    root,
    compiled.map((file) => file.path),
  )
  try {
    return compiled.every((file) => readFileSync(join(root, file.path), 'utf8') === file.text) ? stamps : null
  } catch {
    return null
  }
}

/** The lock file is what this compile says it should be, or there is no source to lock. */
function sameLock(root: string, lock: string): boolean {
  const digest = lockDigest(root)
  return digest === null ? !lock.includes('columns') : digest === sha256(lock)
}
