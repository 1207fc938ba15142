// A project folder with source files in which tests run bundles made by hand, and look at what production holds.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Bundle } from '../../runtime/contract/bundle.ts'
import type { ExecuteOptions, RunResult } from '../../runtime/execute.ts'
import { executeBundle } from '../../runtime/execute.ts'
import { type BundleText, makeBundle, type NodeText } from './make-bundle.ts'
import { tempProject, writeFiles } from './temp.ts'

/** raw (id, v) → clean → sums and top; other stands alone. */
export const SHOP: Readonly<Record<string, NodeText>> = {
  'source.raw': { path: 'data/raw.csv' },
  'source.other': { path: 'data/other.csv' },
  'transform.clean': { sql: 'SELECT id, v + 1 AS v FROM source.raw' },
  'transform.sums': { sql: 'SELECT CAST(sum(v) AS INTEGER) AS total FROM transform.clean' },
  'transform.both': { sql: 'SELECT total, (SELECT count(*) FROM source.other) AS n FROM transform.sums' },
}

export const shopProject = (): string =>
  tempProject({ 'data/raw.csv': 'id,v\n1,10\n2,20\n', 'data/other.csv': 'x\n1\n2\n3\n' })

export const shop = (changes: Readonly<Record<string, NodeText | null>> = {}, more: Omit<BundleText, 'nodes'> = {}) => {
  const nodes = Object.entries({ ...SHOP, ...changes }).flatMap(([id, node]) =>
    node === null ? [] : [[id, node] as const],
  )
  return makeBundle({ nodes: Object.fromEntries(nodes), ...more })
}

/** Executes a bundle as if it had just been compiled. */
export const run = (projectDir: string, bundle: Bundle, options: Partial<ExecuteOptions> = {}): Promise<RunResult> =>
  executeBundle(bundle, { projectDir, compiled: true, ...options })

/** Executes a bundle that came from somewhere else. */
export const exec = (projectDir: string, bundle: Bundle, options: Partial<ExecuteOptions> = {}): Promise<RunResult> =>
  executeBundle(bundle, { projectDir, ...options })

/** Ids by status, sorted. */
export const withStatus = (result: RunResult, status: string): string[] =>
  result.nodes
    .filter((node) => node.status === status)
    .map((node) => node.node)
    .sort()

/** Rows of an output of production, or of another folder with outputs, as text. */
export async function rowsOf(projectDir: string, node: string, folder = 'target/intermediate'): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const file = join(projectDir, folder, `${node.replace('.', '_')}.parquet`)
    const answer = await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}') ORDER BY ALL`)
    return JSON.stringify(answer.getRowsJson())
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** path → SHA-256 of every file of the current generation, with its name; empty without production. */
export function production(projectDir: string): Readonly<Record<string, string>> {
  const link = join(projectDir, 'target/current')
  return existsSync(link) ? { '.': readlinkSync(link), ...tree(realpathSync(link)) } : {}
}

/** path → SHA-256 of every file below a folder, links not followed. */
export function tree(folder: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const full = join(folder, path)
    if (statSync(full, { throwIfNoEntry: false })?.isFile())
      found[path] = createHash('sha256').update(readFileSync(full)).digest('hex')
  }
  return found
}

export { writeFiles }
