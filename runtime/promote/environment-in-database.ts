// The staged contents of an environment whose state is in a ledger → the ledger, in one transaction: its bundle, its documents,
// and where outputs are tables, the views by which they are read and the promotion that is prepared. Whoever calls holds the locks of both
// environments. Reports STATE_MOVED, STATE_LOCKED, TARGET_FAILED, STATE_IO.

import { type Bundle, BundleFile, buildSteps, tableOf } from '../contract/bundle.ts'
import { prettyJson } from '../contract/canonical-json.ts'
import { asNodeId, type EnvironmentName } from '../contract/ids.ts'
import { ENVIRONMENT_FILES, type LedgerView } from '../contract/ledger.ts'
import { Manifest } from '../contract/manifest.ts'
import { parseDocument } from '../contract/schema.ts'
import { RunState } from '../contract/state.ts'
import { keepInLedger, viewsIn } from '../engines/postgresql/ledger-reader.ts'
import type { Faults } from '../execute/run.ts'
import { generationOf, queryInBundle, type SwitchWorld } from '../execute/table-commit.ts'
import { makeMissingSchemas } from '../execute/table-schemas.ts'
import { viewsOf } from '../execute/table-views.ts'
import type { SharedState } from '../shared-state.ts'
import { readEnvConfig, usedNow } from '../store/environments.ts'
import { currentGeneration } from '../store/generations.ts'
import type { Store } from '../store/store.ts'
import { TARGETS_FILE } from '../store/target-writes.ts'
import type { NewEnvironment, StagedEnvironment } from './environment-switch.ts'
import { requireMet, type StagedSwitch } from './switch.ts'

/** `from`: what is promoted, and says so from then on. */
export async function commitSharedEnvironment(
  shared: SharedState,
  store: Store,
  from: EnvironmentName,
  staged: StagedEnvironment,
  faults: Faults = () => {},
): Promise<void> {
  requireMet(store, staged.requirements)
  const { environment, create } = staged.updates
  const { ledger } = shared
  const promoted = { status: 'promoted', promoted_to: environment, promoted_generation: null } as const
  const config = prettyJson(usedNow(readEnvConfig(store, from), from, promoted))
  faults('staged')
  await ledger.commit(async () => {
    if (create !== null) await placeEnvironment(shared, store, environment, create, staged.runId)
    await ledger.ask(
      `UPDATE seeknal.environments SET documents = jsonb_set(documents, '{env_config.json}', to_jsonb($3::text))
       WHERE project = $1 AND name = $2`,
      [ledger.project, from, config],
    )
  })
  faults('switched')
  await shared.refresh()
}

async function placeEnvironment(
  shared: SharedState,
  store: Store,
  environment: EnvironmentName,
  create: NewEnvironment,
  runId: string,
): Promise<void> {
  const { ledger } = shared
  const text = (name: string): string => create.documents[name] ?? ''
  const files = new Map(Object.entries(create.bundle))
  const contract = parseDocument(BundleFile, create.bundle['bundle.json'] ?? '', 'bundle.json', 'BUNDLE_INVALID')
  const bundle: Bundle = { contract, files }
  const manifest = parseDocument(Manifest, text('manifest.json'), 'manifest.json', 'BUNDLE_INVALID')
  const state = parseDocument(RunState, text('run_state.json'), 'run_state.json', 'STATE_INVALID')
  const nodes = new Map(manifest.nodes.map((node) => [asNodeId(node.id), node]))
  const made: SwitchWorld = { bundle, nodes, before: await viewsIn(ledger, null) }
  const before = await viewsIn(ledger, environment)
  const shown = { manifest, nodes: state.nodes, schema: shared.schema, prefix: contract.prefix, before }
  const views = shared.inFiles ? [] : viewsOf({ ...shown, queryOf: (node) => queryInBundle(node, made) })
  const schemas = buildSteps(contract).flatMap((step) => tableOf(step)?.schema ?? [])
  await makeMissingSchemas(shared, environment, schemas)
  await keepInLedger(ledger, contract.digest, files)
  await ledger.ask('SELECT seeknal.show_views($1::jsonb, $2::jsonb)', [JSON.stringify(before), JSON.stringify(views)])
  const promotion = shared.inFiles ? null : generationOf(shared, promotionOf(store, create, runId), made)
  await saveEnvironment(shared, environment, { documents: documentsOf(create, shared), views, promotion })
}

/** What `seeknal env promote` would make of it, on production as it is. */
const promotionOf = (store: Store, { generation }: NewEnvironment, runId: string): StagedSwitch => ({
  kind: 'promote',
  runId,
  requirements: [],
  updates: {
    create: generation,
    current: { from: currentGeneration(store), to: generation?.number ?? 0 },
    changed: [],
    removed: [],
  },
})

function documentsOf(
  { documents, generation }: NewEnvironment,
  { inFiles }: SharedState,
): Readonly<Record<string, string>> {
  const kept = inFiles ? [...ENVIRONMENT_FILES, TARGETS_FILE] : ENVIRONMENT_FILES
  const record = generation?.documents['generation.json']
  const all = { ...documents, ...(record === undefined ? {} : { 'promotion/generation/generation.json': record }) }
  return Object.fromEntries(Object.entries(all).filter(([path]) => kept.includes(path)))
}

interface Saved {
  readonly documents: Readonly<Record<string, string>>
  readonly views: readonly LedgerView[]
  readonly promotion: object | null
}

/** What an apply that did not end showed is among the views that are changed. */
async function saveEnvironment({ ledger }: SharedState, environment: EnvironmentName, saved: Saved): Promise<void> {
  await ledger.ask('DELETE FROM seeknal.shown WHERE project = $1 AND environment = $2', [ledger.project, environment])
  await ledger.ask(
    `INSERT INTO seeknal.environments (project, name, documents, views, promotion) VALUES ($1, $2, $3::jsonb, $4::jsonb, $5::jsonb)
     ON CONFLICT (project, name) DO UPDATE SET documents = excluded.documents, views = excluded.views, promotion = excluded.promotion`,
    [
      ledger.project,
      environment,
      JSON.stringify(saved.documents),
      JSON.stringify(saved.views),
      saved.promotion === null ? null : JSON.stringify(saved.promotion),
    ],
  )
}
