// Checks of a stored output at their turn: what came out is looked up, else the engine counts the rows that fail, and the
// answer is recorded. Reports STEP_FAILED, STATE_INVALID.

import { knownChecks, questionOf } from '../check.ts'
import type { CheckStep } from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import type { CheckResult, NodeChecks, Snapshot } from '../contract/state.ts'
import type { Journal } from '../journal.ts'
import type { Maker } from './maker.ts'
import type { ExecuteOptions } from './run.ts'
import type { Slots } from './slots.ts'
import { located } from './step.ts'
import type { World } from './world.ts'

export interface CheckContext {
  readonly world: World
  readonly journal: Journal
  readonly maker: Pick<Maker, 'failingRows' | 'damaged'>
  readonly options: ExecuteOptions
}

/** Known, or found out now in one of the slots. Null when the run ended before. */
export async function checksOf(
  context: CheckContext,
  step: CheckStep,
  node: ManifestNode,
  snapshot: Snapshot,
  turn: { readonly slots: Slots; readonly isOver: () => boolean },
): Promise<NodeChecks | null> {
  const known = knownChecks(context.world, node, snapshot)
  if (known !== null) return known
  const free = await turn.slots.take()
  try {
    return turn.isOver() ? null : await runChecks(context, step, node, snapshot)
  } finally {
    free()
  }
}

async function runChecks(
  context: CheckContext,
  step: CheckStep,
  node: ManifestNode,
  snapshot: Snapshot,
): Promise<NodeChecks> {
  const { world, journal, maker, options } = context
  const started = performance.now()
  const counts = await failingRows(context, step, node, snapshot).catch(async (error: unknown) => {
    throw (await maker.damaged([{ node, snapshot }], error)) ?? error
  })
  const { digest } = snapshot
  const fingerprint = node.checks_fingerprint ?? ''
  const results = step.checks.map((check): CheckResult => {
    const failing = counts.get(check.id) ?? 0
    return { ...check, failing_rows: failing, status: failing === 0 ? 'passed' : FAILS[check.severity] }
  })
  const made = { run_id: world.values.runId, checked_at: new Date().toISOString() }
  const checks: NodeChecks = { fingerprint, asked: questionOf(world, step), digest, results, ...made }
  world.checkResults.set(checks)
  const said = results.map(({ id, failing_rows, status }) => ({ id, failing_rows, status }))
  const ms = Math.round(performance.now() - started)
  await journal.append({ kind: 'check', node: node.id, fingerprint, digest, results: said, ms })
  options.faults?.('checked')
  return checks
}

const FAILS = { error: 'failed', warn: 'warned' } as const

/** Of each check of the step, by its id. Throws STEP_FAILED when the SQL answers for other checks. */
async function failingRows(
  { world, maker }: CheckContext,
  step: CheckStep,
  node: ManifestNode,
  snapshot: Snapshot,
): Promise<ReadonlyMap<string, number>> {
  const rows = await maker.failingRows(step, node, snapshot)
  const counts = new Map(rows.map(({ id, failingRows }) => [id, failingRows]))
  if (rows.length === step.checks.length && step.checks.every((check) => counts.has(check.id))) return counts
  const message = `${step.file} answers for other checks than the bundle lists`
  const failure = new RuntimeFailure('STEP_FAILED', message, { message, statement: 0, offset: null })
  throw located(failure, step, world.nodes.get(asNodeId(step.node)))
}
