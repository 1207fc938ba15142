// What an environment of a database has after its bundle was executed: its views, its documents, and the promotion that is
// prepared, in one transaction of the ledger.

import { prettyJson } from '../contract/canonical-json.ts'
import { Bug } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { keepInLedger, viewsIn } from '../engines/postgresql/ledger-reader.ts'
import { baseRequirements } from '../promote/base.ts'
import { refsDocument } from '../promote/plan-document.ts'
import { promotionDocuments, stagePromotion } from '../promote/stage.ts'
import type { SharedState } from '../shared-state.ts'
import { touchEnvironment, writeEnvDocument } from '../store/environments.ts'
import { folderIn } from '../store/store.ts'
import { type Application, failedChecks, stateOf } from './environment.ts'
import { keepBundle } from './finish.ts'
import { generationOf, queryInBundle } from './table-commit.ts'
import { viewsOf } from './table-views.ts'
import type { World } from './world.ts'

export async function applyInDatabase(shared: SharedState, world: World, application: Application): Promise<void> {
  const { store, environment } = world
  if (environment === null) throw new Bug('production is no environment')
  // With what this run shows already.
  const before = await viewsIn(shared.ledger, environment)
  if (!application.complete) {
    touchEnvironment(store, environment, { status: 'failed', failed_checks: failedChecks(application.checks) })
    await shared.ledger.commit(() => shared.saveEnvironment(environment, { views: before, promotion: null }))
    return
  }
  const { manifest, contract, base, production } = world
  const state = stateOf(world, application)
  const requirements = baseRequirements(contract, production)
  const staged = stagePromotion(store, production, { contract, manifest, base, state, requirements })
  const made = { bundle: world.bundle, nodes: world.nodes, before: await viewsIn(shared.ledger, null) }
  const views = viewsOf({
    manifest,
    nodes: state.nodes,
    schema: shared.schema,
    prefix: contract.prefix,
    queryOf: (node) => queryInBundle(node, made),
    before,
  })
  placeDocuments(world, environment, application, {
    'manifest.json': world.bundle.files.get('manifest.json') ?? prettyJson(manifest),
    'run_state.json': state,
    'refs.json': refsDocument(contract, production),
    ...promotionDocuments(staged, requirements),
    'promotion/generation/generation.json': staged.updates.create?.documents['generation.json'] ?? '',
  })
  application.faults('staged')
  await shared.ledger.commit(async () => {
    const { ledger } = shared
    await keepInLedger(ledger, contract.digest, world.bundle.files)
    await ledger.ask('SELECT seeknal.show_views($1::jsonb, $2::jsonb)', [JSON.stringify(before), JSON.stringify(views)])
    await shared.saveEnvironment(environment, { views, promotion: generationOf(shared, staged, made) })
    await shared.end(world.values.runId, 'done')
  })
  application.faults('recorded')
  await shared.refresh()
}

/** In target/, from where they are saved. */
function placeDocuments(
  { store, bundle }: World,
  environment: EnvironmentName,
  { faults }: Application,
  documents: Readonly<Record<string, unknown>>,
): void {
  keepBundle(store, bundle, faults)
  const none = { promoted_to: null, promoted_generation: null, promoted_from: null }
  touchEnvironment(store, environment, { status: 'applied', ...none })
  folderIn(store, 'environments', environment, 'promotion', 'generation')
  for (const [file, value] of Object.entries(documents)) writeEnvDocument(store, environment, file, value)
}
