// Checks of a node's stored output: what came out is looked up for this question about these rows. What fails with
// severity `error` is a failure of the node. Reports CHECK_FAILED.

import type { CheckStep } from './contract/bundle.ts'
import { fingerprintOf, sha256 } from './contract/canonical-json.ts'
import { RuntimeFailure } from './contract/failures.ts'
import { asNodeId } from './contract/ids.ts'
import type { ManifestNode } from './contract/manifest.ts'
import { areOf, type CheckResult, type NodeChecks, type Snapshot } from './contract/state.ts'
import { productionText } from './execute/proof.ts'
import type { World } from './execute/world.ts'

/** What came out of a node's checks on an output, if that is known; null in a full run. */
export function knownChecks(world: World, node: ManifestNode, snapshot: Snapshot): NodeChecks | null {
  const step = world.checks.get(asNodeId(node.id))
  if (step === undefined || world.full) return null
  const asked = questionOf(world, step)
  const fits = (checks: NodeChecks | undefined) =>
    checks !== undefined && checks.asked === asked && areOf(checks, node, snapshot)
  const recorded = world.recordedChecks.map((checks) => checks[node.id]).find(fits)
  if (recorded !== undefined) return recorded
  const remembered = world.checkResults.get({ asked, digest: snapshot.digest })
  return remembered !== undefined && fits(remembered) ? remembered : null
}

/**
 * Stands for what a check really asks, in production's words: what a foreign bundle says of its checks counts only where
 * it asks the same. A text that cannot be told from production's is a question of its bundle alone.
 */
export function questionOf({ bundle, contract }: World, step: CheckStep): string {
  const sql = productionText(contract, step, bundle.files.get(step.file) ?? '')
  if (sql === null) return contract.digest
  const prelude = bundle.files.get('prelude.sql') ?? ''
  return fingerprintOf({ sql: sha256(sql), prelude: sha256(prelude), settings: contract.settings })
}

/** Results by which the node fails. */
export const failedResults = ({ results }: Pick<NodeChecks, 'results'>): readonly CheckResult[] =>
  results.filter((result) => result.status === 'failed')

/** Why a node fails by its checks; null: it does not. Facts: node, file (the step's), checks (the results that failed). */
export function checkFailure(step: CheckStep, checks: NodeChecks): RuntimeFailure | null {
  const failed = failedResults(checks)
  if (failed.length === 0) return null
  const said = failed.map(({ id, failing_rows: rows }) => `${id} for ${rows} ${rows === 1 ? 'row' : 'rows'}`)
  return new RuntimeFailure(
    'CHECK_FAILED',
    `its output fails ${failed.length === 1 ? 'the check' : `${failed.length} checks:`} ${said.join(', ')}`,
    { node: step.node, file: step.file, checks: failed },
    { hints: ['Correct the data or the SQL; a check with `severity: warn` is only reported.'] },
  )
}

/** Whether readers of the checked node must know what comes out. */
export const isGate = (step: CheckStep | undefined): boolean =>
  step?.checks.some((check) => check.severity === 'error') === true
