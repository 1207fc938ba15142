// What the tests of faults do to a project, by name, so that a program of its own can do it and be killed on the way.

import { environmentName } from '../../runtime/contract/ids.ts'
import type { Faults } from '../../runtime/execute/run.ts'
import { type ExecuteOptions, executeBundle } from '../../runtime/execute.ts'
import { promote, rollback } from '../../runtime/promote.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { makeBundle, type NodeText } from './make-bundle.ts'

const nodes = (factor: number, checks?: NodeText['checks']): Readonly<Record<string, NodeText>> => ({
  'source.raw': { path: 'data/raw.csv' },
  'transform.scaled': {
    sql: `SELECT id, v * ${factor} AS v FROM source.raw`,
    ...(checks === undefined ? {} : { checks }),
  },
  'transform.sums': { sql: 'SELECT CAST(sum(v) AS INTEGER) AS total FROM transform.scaled' },
})

export const FAULT_FILES = { 'data/raw.csv': 'id,v\n1,10\n2,20\n' }

const TIMES = { runTimestamp: '2026-01-01T00:00:00Z' } as const

export type Operation = 'first' | 'change' | 'apply' | 'promote' | 'rollback' | 'slow' | 'large' | 'checked' | 'unfit'

/** Does one thing to the project; a failure of a node is thrown. */
export async function perform(operation: Operation, projectDir: string, faults?: Faults): Promise<void> {
  const options: ExecuteOptions = { projectDir, compiled: true, ...TIMES, ...(faults === undefined ? {} : { faults }) }
  const environment = environmentName('dev')
  if (environment === undefined) return
  if (operation === 'promote') await promote({ ...options, environment })
  else if (operation === 'rollback') await rollback({ ...options, to: 1 })
  else {
    const result = await executeBundle(bundleFor(operation, projectDir), { ...options, command: `test ${operation}` })
    const failure = result.nodes.find((node) => node.failure !== undefined)?.failure
    if (failure !== undefined) throw failure
  }
}

function bundleFor(operation: Operation, projectDir: string) {
  if (operation === 'first') return makeBundle({ nodes: nodes(1) })
  if (operation === 'change') return makeBundle({ nodes: nodes(2) })
  if (operation === 'checked') return makeBundle({ nodes: nodes(2, [{ id: 'positive', fails: 'v < 0' }]) })
  if (operation === 'unfit') return makeBundle({ nodes: nodes(2, [{ id: 'small', fails: 'v > 30' }]) })
  if (operation === 'slow')
    return makeBundle({
      nodes: { 'transform.slow': { sql: 'SELECT count(*) AS n FROM range(10000000) a, range(100000) b' } },
    })
  if (operation === 'large')
    return makeBundle({
      nodes: {
        ...nodes(2),
        'transform.large': { sql: 'SELECT hash(i) AS h, hash(i + 1) AS g FROM range(500000) r(i)' },
      },
    })
  const base = readProduction(openStore(projectDir))?.manifest ?? null
  return makeBundle({ nodes: nodes(2), environment: 'dev', base, steps: ['transform.scaled', 'transform.sums'] })
}
