// Projects that are values: nodes by id → the passes' outputs, with the real engine and no file system.

import { bind } from '../../compiler/bind.ts'
import { type Diffed, diff } from '../../compiler/diff.ts'
import { type Fingerprinted, fingerprint } from '../../compiler/fingerprint.ts'
import { graph } from '../../compiler/graph.ts'
import { load, type ProjectFile } from '../../compiler/load.ts'
import { type Planned, plan } from '../../compiler/plan.ts'
import { type CompileCache, noDatabases, type SourceObservation } from '../../compiler/ports.ts'
import { resolve } from '../../compiler/resolve.ts'
import { validate } from '../../compiler/validate.ts'
import { type Diagnostic, isError } from '../../runtime/contract/diagnostics.ts'
import { environmentName } from '../../runtime/contract/ids.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { analysisEngine } from './analysis.ts'

/** Members of a node's YAML besides kind and name, null: none; `sql` stands for `transform`, whose inputs are found in it. */
export interface MemoryNode {
  readonly sql?: string
  readonly [member: string]: unknown
}

export interface MemoryProject {
  /** Members of seeknal_project.yml. */
  readonly project?: Readonly<Record<string, unknown>>
  /** By id. A source lists its columns: `{ columns: { id: 'BIGINT' } }`. */
  readonly nodes: Readonly<Record<string, MemoryNode>>
  /** More files, by path: snippets, SQL, the lock. */
  readonly files?: Readonly<Record<string, string>>
}

const kept = new Map<string, unknown>()
const cache: CompileCache = { get: (key) => kept.get(key), set: (key, value) => kept.set(key, value) }

/** JSON is YAML. */
const document = (value: unknown): string => JSON.stringify(value)

function nodeDocument(id: string, { sql, ...members }: MemoryNode): Readonly<Record<string, unknown>> {
  const [kind = '', name = ''] = id.split('.')
  const reader = kind === 'source' ? { source: 'csv', table: `data/${name}.csv` } : {}
  if (sql === undefined || sql === '') return withoutNulls({ kind, name, ...reader, ...members })
  const inputs = [...new Set(sql.match(/\b(?:source|transform)\.\w+/g))].map((ref) => ({ ref }))
  return withoutNulls({ kind, name, inputs, transform: sql, ...members })
}

const withoutNulls = (members: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null))

/** `file:` says where the node stands, unless it names a file of SQL. */
const isPlace = (file: unknown): file is string => typeof file === 'string' && file.endsWith('.yml')

const fileOf = (id: string, { file }: MemoryNode): string =>
  isPlace(file) ? file : `seeknal/${id.replace('.', '/')}.yml`

const compiled = new Map<string, Promise<Fingerprinted>>()

/** Diagnostics of whichever pass found an error are thrown. The same project is compiled once. */
export function fingerprinted(project: MemoryProject): Promise<Fingerprinted> {
  const key = JSON.stringify(project)
  const known = compiled.get(key) ?? compileOnce(project)
  compiled.set(key, known)
  return known
}

/** The files that stand for it: seeknal_project.yml and one a node. */
export const projectFiles = ({ project = {}, nodes, files = {} }: MemoryProject): readonly ProjectFile[] => [
  { path: 'seeknal_project.yml', text: document({ name: 'memory', version: '1.0.0', ...project }) },
  ...Object.entries(nodes).map(([id, node]) => {
    const { file, ...rest } = node
    const members = isPlace(file) ? rest : node
    return { path: fileOf(id, node), text: document(nodeDocument(id, members)) }
  }),
  ...Object.entries(files).map(([path, text]) => ({ path, text })),
]

async function compileOnce(project: MemoryProject): Promise<Fingerprinted> {
  const files = projectFiles(project)
  const absent: SourceObservation = { kind: 'absent' }
  const loaded = correct(load(files, cache))
  const validated = correct(validate(loaded))
  const resolved = correct(await resolve(validated, { params: {}, engine: analysisEngine, cache, ...noDatabases }))
  const ordered = correct(graph(resolved))
  const observe = async (requests: readonly unknown[]) => requests.map(() => absent)
  const world = { engine: analysisEngine, observe, ...noDatabases, cache, acceptSources: false }
  return fingerprint(correct(await bind(ordered, world)))
}

/** Against the manifest that another project compiles to, or against one that is given. */
export async function diffed(now: MemoryProject, base: MemoryProject | Manifest | null): Promise<Diffed> {
  const against = base === null || 'format' in base ? base : (await diffed(base, null)).manifest
  return diff(await fingerprinted(now), against, analysisEngine)
}

export async function planned(
  now: MemoryProject,
  base: MemoryProject | Manifest | null,
  environment: string | null,
): Promise<Planned> {
  return plan(await diffed(now, base), environment === null ? null : (environmentName(environment) ?? null))
}

function correct<T extends { readonly diagnostics: readonly Diagnostic[] }>(output: T): T {
  const errors = output.diagnostics.filter(isError)
  if (errors.length > 0) throw new Error(errors.map((e) => `${e.code}: ${e.message}`).join('\n'))
  return output
}
