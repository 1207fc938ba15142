// Projects given as texts → what the passes up to bind and fingerprint make of them, with the real engine and observer.

import { join } from 'node:path'
import type { LastOutputs } from '../../compiler/bind/bound-node.ts'
import { type Bound, bind } from '../../compiler/bind.ts'
import { CacheFile } from '../../compiler/cli/cache-file.ts'
import { createObserver } from '../../compiler/cli/observer.ts'
import { readProject } from '../../compiler/cli/project.ts'
import { fingerprint } from '../../compiler/fingerprint.ts'
import { graph } from '../../compiler/graph.ts'
import { load } from '../../compiler/load.ts'
import { type CompileCache, noCache, noDatabases, type SqlEngine } from '../../compiler/ports.ts'
import { resolve } from '../../compiler/resolve.ts'
import { lockText } from '../../compiler/validate/project.ts'
import { validate } from '../../compiler/validate.ts'
import { type Diagnostic, isError } from '../../runtime/contract/diagnostics.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import { analysisEngine } from './analysis.ts'
import { tempFolder, tempProject } from './temp.ts'

export type Texts = Readonly<Record<string, string>>

export interface BindOptions {
  readonly acceptSources?: boolean
  readonly cache?: CompileCache
  readonly engine?: () => Promise<SqlEngine>
  readonly lastOutputs?: LastOutputs
}

/** Binds a project of these files. Throws when an earlier pass finds an error. */
export async function boundOf(files: Texts, options: BindOptions = {}): Promise<Bound> {
  const folder = tempProject({ 'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n', ...files })
  const stamps = new CacheFile(join(tempFolder(), 'cache'), 'test', 0)
  const { engine = analysisEngine, cache = noCache, acceptSources = false, lastOutputs = {} } = options
  const loaded = load(readProject(folder, stamps), cache)
  const validated = validate(loaded)
  const resolved = await resolve(validated, { params: {}, engine, cache, ...noDatabases })
  const ordered = graph(resolved)
  throwErrors([loaded, validated, resolved, ordered].flatMap((pass) => pass.diagnostics))
  const { observe } = createObserver(folder, stamps)
  return bind(ordered, { engine, observe, ...noDatabases, cache, acceptSources, lastOutputs })
}

const known = new Map<string, unknown>()
const sharedCache: CompileCache = { get: (key) => known.get(key), set: (key, value) => void known.set(key, value) }

/** The manifest of a project without mistakes. What was compiled before in this process is not compiled again. */
export async function manifestOf(files: Texts): Promise<Manifest> {
  const bound = await boundOf(files, { cache: sharedCache })
  throwErrors(bound.diagnostics)
  return fingerprint(bound).manifest
}

function throwErrors(diagnostics: readonly Diagnostic[]): void {
  const errors = diagnostics.filter(isError)
  if (errors.length > 0) throw new Error(JSON.stringify(errors, null, 1))
}

/** The lock file that a bind would write. */
export const lockOf = (bound: Bound): Texts => ({ 'seeknal.lock.json': lockText(bound.lock) })

/** `name TYPE, name TYPE`, `late`, or `none` for a node that was not bound. */
export function columnsOf(bound: Bound, id: string): string {
  const node = [...bound.bound.values()].find((n) => n.id === id)
  if (node === undefined) return 'none'
  return node.columns?.map((column) => `${column.name} ${column.type}`).join(', ') ?? 'late'
}

/** `file:line:column CODE`, sorted as they are reported. */
export const mistakesOf = (bound: Bound): readonly string[] =>
  bound.diagnostics.map(({ place, code }) => `${place.file.split('/').at(-1)}:${place.line}:${place.column} ${code}`)

export function nodeOf(manifest: Manifest, id: string): ManifestNode {
  const node = manifest.nodes.find((n) => n.id === id)
  if (node === undefined) throw new Error(`no node ${id}`)
  return node
}
