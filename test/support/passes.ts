// The first passes over files given as text, with the real engine, without folders.

import type { Graph } from '../../compiler/graph.ts'
import { graph } from '../../compiler/graph.ts'
import { type Json, load } from '../../compiler/load.ts'
import { type CompileCache, noCache, noDatabases } from '../../compiler/ports.ts'
import { type Resolved, type ResolvedTransform, type ResolveOptions, resolve } from '../../compiler/resolve.ts'
import { type Validated, validate } from '../../compiler/validate.ts'
import { checkQueries } from '../../runtime/engines/postgresql/read-only.ts'
import { analysisEngine } from './analysis.ts'

const PROJECT = { 'seeknal_project.yml': 'name: test\n' }

const filesOf = (files: Readonly<Record<string, string>>) =>
  Object.entries({ ...PROJECT, ...files }).map(([path, text]) => ({ path, text }))

export interface FrontOptions {
  readonly params?: { readonly [key: string]: Json }
  readonly cache?: CompileCache
  readonly onFiles?: ResolveOptions['onFiles']
}

export const validated = (files: Readonly<Record<string, string>>, cache = noCache): Validated =>
  validate(load(filesOf(files), cache))

export const resolved = (files: Readonly<Record<string, string>>, options: FrontOptions = {}): Promise<Resolved> =>
  resolve(validated(files, options.cache), {
    params: options.params ?? {},
    engine: analysisEngine,
    cache: options.cache ?? noCache,
    ...noDatabases,
    checkQueries,
    ...(options.onFiles === undefined ? {} : { onFiles: options.onFiles }),
  })

export const graphed = async (files: Readonly<Record<string, string>>): Promise<Graph> => graph(await resolved(files))

/** Files of a project in which `transform.x` reads the sources `a` and `b` in this order. */
export const transformFiles = (sql: string, more = ''): Record<string, string> => ({
  'seeknal/sources.yml': ['a', 'b']
    .map((name) => `kind: source\nname: ${name}\nsource: csv\ntable: ${name}.csv\n`)
    .join('---\n'),
  'seeknal/x.yml': `kind: transform\nname: x\ninputs: [{ref: source.a}, {ref: source.b}]\n${more}transform: ${JSON.stringify(sql)}\n`,
})

/** `transform.x` of `transformFiles`, which must have no mistake. */
export async function resolvedTransform(
  sql: string,
  more = '',
  options: FrontOptions = {},
): Promise<ResolvedTransform> {
  const { nodes, diagnostics } = await resolved(transformFiles(sql, more), options)
  const found = nodes.find((node) => node.id === 'transform.x')
  if (found === undefined || !('sql' in found)) throw new Error(`not resolved: ${JSON.stringify(diagnostics)}`)
  return found
}

/** `line:column CODE` of each diagnostic. */
export const placesOf = (diagnostics: Resolved['diagnostics']): string[] =>
  diagnostics.map((d) => `${d.place.line}:${d.place.column} ${d.code}`)
