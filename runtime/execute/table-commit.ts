// A staged switch of production whose state is a ledger → the one call that makes it, within a transaction: the generation is
// checked and advanced, and the views, where outputs are tables, lead to those of the new one. Reports STATE_MOVED, TARGET_FAILED.

import { type Bundle, materializeSteps, type OpenedBundle } from '../contract/bundle.ts'
import { Bug } from '../contract/failures.ts'
import { asNodeId, type NodeId } from '../contract/ids.ts'
import type { LedgerView } from '../contract/ledger.ts'
import { Manifest, type ManifestNode } from '../contract/manifest.ts'
import { parseDocument } from '../contract/schema.ts'
import { RunState } from '../contract/state.ts'
import { viewsIn } from '../engines/postgresql/ledger-reader.ts'
import type { StagedSwitch } from '../promote/switch.ts'
import type { SharedState } from '../shared-state.ts'
import type { Faults } from './run.ts'
import { filledOrder } from './table-targets.ts'
import { queryOfStep, viewsOf } from './table-views.ts'

export interface SwitchWorld {
  /** What makes it: its steps say what sources are views of. */
  readonly bundle: Bundle | undefined
  /** Of the bundle. */
  readonly nodes: ReadonlyMap<NodeId, ManifestNode>
  /** Production's views now. */
  readonly before: readonly LedgerView[]
}

/** A generation as the ledger keeps it, and what it is made on. Null: there is none to be made. */
export function generationOf(shared: SharedState, staged: StagedSwitch, world: SwitchWorld): object | null {
  const { create, current } = staged.updates
  if (create === null) return null
  const text = (name: string): string => {
    const found = create.documents[name]
    if (found === undefined) throw new Bug(`the generation has no ${name}`)
    return found
  }
  const [manifest, run_state] = [text('manifest.json'), text('run_state.json')]
  const state = parseDocument(RunState, run_state, 'run_state.json', 'STATE_INVALID')
  return {
    base: current.from,
    number: create.number,
    manifest,
    run_state,
    record: text('generation.json'),
    bundle: text('bundle.digest').trim(),
    run_id: staged.runId,
    ...(staged.kind === 'promote' && !shared.inFiles ? { targets: promotedTargets(state, world) } : {}),
    views: shared.inFiles
      ? []
      : viewsOf({
          manifest: parseDocument(Manifest, manifest, 'manifest.json', 'STATE_INVALID'),
          nodes: state.nodes,
          schema: shared.schema,
          prefix: '',
          queryOf: (node) => queryInBundle(node, world),
          before: world.before,
        }),
  }
}

/** Production's tables are written in the transaction of the switch: each merges the output, or is replaced, as its mode says. */
function promotedTargets({ nodes: states }: RunState, { bundle, nodes }: SwitchWorld): readonly object[] {
  return materializeSteps(bundle?.contract ?? { steps: [] }).flatMap(({ id, node: of, target: index, types }) => {
    const [node, output] = [nodes.get(asNodeId(of)), states[of]]
    const target = node?.targets?.[index]
    if (node === undefined || target === undefined || output === undefined) return []
    return [filledOrder({ id, node, target, prefix: '', types, output }, true)]
  })
}

/** Of a node that the bundle makes as it is described. */
export function queryInBundle(
  node: ManifestNode,
  { bundle, nodes }: Pick<SwitchWorld, 'bundle' | 'nodes'>,
): string | null {
  const own = nodes.get(asNodeId(node.id))
  const step = bundle?.contract.steps.find((one) => one.kind === 'build' && one.node === node.id)
  if (bundle === undefined || step?.kind !== 'build' || own?.definition_fingerprint !== node.definition_fingerprint)
    return null
  return queryOfStep(step, own, { contract: bundle.contract, files: bundle.files }).query
}

/** Within a transaction of the ledger. */
export async function commitGeneration(shared: SharedState, staged: StagedSwitch, world: SwitchWorld): Promise<void> {
  const { ledger } = shared
  const made = generationOf(shared, staged, world)
  const { current } = staged.updates
  if (made !== null)
    await ledger.ask('SELECT seeknal.make_generation($1, $2::jsonb, $3)', [
      ledger.project,
      JSON.stringify(made),
      staged.kind,
    ])
  else if (current.from !== current.to)
    await ledger.ask('SELECT seeknal.switch_to($1, $2::bigint, $3::bigint, $4, $5)', [
      ledger.project,
      current.from === null ? null : String(current.from),
      String(current.to),
      staged.kind,
      staged.runId,
    ])
}

/** A promotion or a way back, in a transaction of its own. `bundle`: what is promoted. */
export async function commitShared(
  shared: SharedState,
  staged: StagedSwitch,
  bundle: OpenedBundle | undefined,
  faults: Faults = () => {},
): Promise<void> {
  const { ledger } = shared
  const { current } = staged.updates
  if (staged.updates.create === null && current.from === current.to) return
  const nodes = new Map((bundle?.manifest.nodes ?? []).map((node) => [asNodeId(node.id), node]))
  faults('staged')
  await ledger.commit(async () => {
    const before = await viewsIn(ledger, null)
    await commitGeneration(shared, staged, { bundle, nodes, before })
    const environment = bundle?.contract.environment ?? null
    if (environment !== null && staged.kind === 'promote')
      await ledger.ask('SELECT seeknal.note_promoted($1, $2, $3::bigint)', [
        ledger.project,
        environment,
        String(current.to),
      ])
  })
  faults('recorded')
  await shared.refresh(faults)
}
