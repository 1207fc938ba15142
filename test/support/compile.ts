// Compiles a project folder as the command does, with the real engine and the real observer, without target/.

import { join } from 'node:path'
import { CacheFile } from '../../compiler/cli/cache-file.ts'
import { createObserver } from '../../compiler/cli/observer.ts'
import { readProject } from '../../compiler/cli/project.ts'
import { type Compiled, type CompileInput, compile } from '../../compiler/compile.ts'
import type { ProjectFile } from '../../compiler/load.ts'
import { type CompileCache, noDatabases } from '../../compiler/ports.ts'
import { opened } from '../../runtime/bundle/verify.ts'
import type { Bundle } from '../../runtime/contract/bundle.ts'
import { environmentName } from '../../runtime/contract/ids.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { checkQueries } from '../../runtime/engines/postgresql/read-only.ts'
import { analysisEngine } from './analysis.ts'
import { tempFolder } from './temp.ts'

export interface CompileOptions {
  readonly environment?: string
  readonly base?: Manifest | null
  readonly params?: CompileInput['params']
  /** Default: one that all compiles of the process share. */
  readonly cache?: CompileCache
  /** Changes the list of files before it is compiled. */
  readonly files?: (files: readonly ProjectFile[]) => readonly ProjectFile[]
}

const kept = new Map<string, unknown>()
const sharedCache: CompileCache = { get: (key) => kept.get(key), set: (key, value) => void kept.set(key, value) }

/** Whatever comes out, diagnostics included. */
export async function compiled(folder: string, options: CompileOptions = {}): Promise<Compiled> {
  const looked = new CacheFile(join(tempFolder(), 'cache'), 'test', 0)
  const files = readProject(folder, looked)
  const environment = options.environment === undefined ? null : (environmentName(options.environment) ?? null)
  return compile({
    files: options.files?.(files) ?? files,
    environment,
    base: options.base ?? null,
    params: options.params ?? {},
    engine: analysisEngine,
    observe: createObserver(folder, looked).observe,
    ...noDatabases,
    checkQueries,
    observeTables: async (requests) => requests.map(() => ({ kind: 'unreachable', message: 'no server.', hints: [] })),
    cache: options.cache ?? sharedCache,
    acceptSources: false,
  })
}

/** The bundle of a project that compiles. */
export async function bundleOf(folder: string, options: CompileOptions = {}): Promise<Bundle> {
  const { bundle, diagnostics } = await compiled(folder, options)
  if (bundle === null) throw new Error(`the project does not compile: ${JSON.stringify(diagnostics, null, 1)}`)
  return bundle
}

/** Production's manifest as compiled from a folder. */
export const manifestOf = async (folder: string): Promise<Manifest> => opened(await bundleOf(folder)).manifest
