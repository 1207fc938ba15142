// An applied environment → the switch that makes it production, as data. The same data is checked and committed by
// `promote`, printed by its dry run, and laid out for people without Seeknal. Reports ENVIRONMENT_NOT_APPLIED.

import type { BundleFile } from '../contract/bundle.ts'
import { prettyJson } from '../contract/canonical-json.ts'
import { asNodeId } from '../contract/ids.ts'
import type { Manifest } from '../contract/manifest.ts'
import type { BaseRequirement, GenerationRecord, RunState } from '../contract/state.ts'
import { stageGeneration } from '../execute/finish.ts'
import { type Generation, nextGeneration } from '../store/generations.ts'
import type { Store } from '../store/store.ts'
import { mergeProduction } from './merge.ts'
import type { StagedSwitch } from './switch.ts'

export interface Applied {
  readonly contract: BundleFile
  readonly manifest: Manifest
  readonly base: Manifest | null
  /** The environment's. */
  readonly state: RunState
  /** Production as it was when the environment was applied. */
  readonly requirements: readonly BaseRequirement[]
}

/**
 * The switch on top of production as it is now. `prepared` is the record of the generation that was prepared when the
 * environment was applied: while it can still be that one, it is, to the byte. Pure but for the number of the generation.
 */
export function stagePromotion(
  store: Store,
  production: Generation | null,
  applied: Applied,
  prepared: GenerationRecord | null = null,
): StagedSwitch {
  const { contract, state } = applied
  const made = new Map(
    contract.promote.replace.flatMap((id) => (state.nodes[id] === undefined ? [] : [[id, state.nodes[id]] as const])),
  )
  const merged = mergeProduction({
    before: production && { manifest: production.manifest, ...production.state },
    bundle: applied.manifest,
    base: applied.base,
    made,
    removed: new Set(contract.promote.remove),
    checked: state.checks ?? {},
    describe: true,
  })
  const staged = stageGeneration(store, production, merged, {
    kind: 'promote',
    environment: contract.environment,
    bundle: contract.digest,
    runId: state.run_id,
    runTimestamp: state.run_timestamp,
    engine: state.engine,
    ...(prepared !== null && isNext(store, production, prepared) ? { createdAt: prepared.created_at } : {}),
    unproven: state.unproven === true || production?.state.unproven === true,
  })
  return { ...staged, requirements: [...staged.requirements, ...applied.requirements] }
}

/** Whether a generation was put together on production as it is now, and has the number that comes next. */
export const isNext = (
  store: Store,
  production: Generation | null,
  { parent, generation }: GenerationRecord,
): boolean => parent === (production?.number ?? null) && generation === nextGeneration(store)

/** The files beside the prepared generation, by path below the environment's folder (promote.ts describes them). Pure. */
export function promotionDocuments(
  { updates: { current } }: StagedSwitch,
  requirements: readonly BaseRequirement[],
): Readonly<Record<string, string>> {
  return {
    'promotion/base': current.from === null ? 'none\n' : `generations/${current.from}\n`,
    'promotion/next': `generations/${current.to}\n`,
    'promotion/requirements.json': prettyJson(requirements),
  }
}

/** Ids of `promote.replace` that the environment has no output for. */
export const unappliedNodes = ({ contract, state }: Pick<Applied, 'contract' | 'state'>): string[] =>
  contract.promote.replace.filter((id) => state.nodes[id] === undefined).map((id) => asNodeId(id))
