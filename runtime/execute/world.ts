// What a run starts from: the bundle, production as it is, what the environment has, source files, and what was asked
// for. Read once; a run that waited for a lock reads it again.

import {
  type BuildStep,
  type Bundle,
  type BundleFile,
  buildSteps,
  type CheckStep,
  checkSteps,
  type MaterializeStep,
  materializeSteps,
} from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type EnvironmentName, environmentName, type NodeId } from '../contract/ids.ts'
import { Manifest, type ManifestNode } from '../contract/manifest.ts'
import { parseDocument } from '../contract/schema.ts'
import type { ChecksByNode, NodeState } from '../contract/state.ts'
import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import { CheckResults } from '../store/check-results.ts'
import { ColumnDigests } from '../store/column-digests.ts'
import { readEnvironmentOutputs, readEnvState } from '../store/environments.ts'
import { type Generation, readProduction, readProductionToReplace } from '../store/generations.ts'
import { SourceFiles } from '../store/source-files.ts'
import type { Store } from '../store/store.ts'
import { TargetRecord } from '../store/target-writes.ts'
import { filesBelow, type Outputs, sharedFilesBelow } from './outputs.ts'
import type { RunRequest } from './run.ts'
import { type RunValues, runValues } from './values.ts'

/** A stored output: how it is described and what it was made from. */
export interface Entry {
  readonly node: ManifestNode
  readonly state: NodeState
  /** The file that readers of `current` or of the environment see. */
  readonly file: string
}

export type Entries = ReadonlyMap<NodeId, Entry>

export interface World {
  readonly store: Store
  readonly bundle: Bundle
  readonly contract: BundleFile
  readonly manifest: Manifest
  readonly base: Manifest | null
  /** Of the bundle. */
  readonly nodes: ReadonlyMap<NodeId, ManifestNode>
  readonly steps: ReadonlyMap<NodeId, BuildStep>
  /** Checks of outputs, by the node that they check. */
  readonly checks: ReadonlyMap<NodeId, CheckStep>
  /** Steps that write outputs to targets, by their node. */
  readonly targets: ReadonlyMap<NodeId, readonly MaterializeStep[]>
  /** Nodes whose targets a step reads in a database, by its node. */
  readonly after: ReadonlyMap<NodeId, readonly NodeId[]>
  /** What the targets hold, of production or of the environment. */
  readonly targetRecord: TargetRecord
  /** Throws PROFILE_INVALID. */
  readonly connection: (name: string) => PostgresqlConnection
  /** Nodes that have a step of any kind, in their order. */
  readonly order: readonly NodeId[]
  readonly environment: EnvironmentName | null
  readonly production: Generation | null
  /** Outputs that the bundle's steps would replace: production's, or the environment's. */
  readonly own: Entries
  /** Production's outputs. */
  readonly outside: Entries
  readonly selected: (id: NodeId) => boolean
  /** Nothing is left out. */
  readonly isWhole: boolean
  readonly full: boolean
  /** The bundle's fingerprints are the compiler's own. */
  readonly compiled: boolean
  readonly values: RunValues
  readonly outputs: Outputs
  readonly sources: SourceFiles
  readonly digests: ColumnDigests
  /** What came out of checks, by node: the environment's record, and production's. */
  readonly recordedChecks: readonly ChecksByNode[]
  readonly checkResults: CheckResults
}

/** A bundle as `open` gives it; without the parsed documents they are read from its files. */
export interface ExecutableBundle extends Bundle {
  readonly manifest?: Manifest
  readonly base?: Manifest | null
}

/** `earlier`: the same, read before; the run's values and what is known of files stay. */
export function readWorld(store: Store, bundle: ExecutableBundle, request: RunRequest, earlier?: World): World {
  const { contract } = bundle
  const manifest = bundle.manifest ?? documentOf(bundle, 'manifest.json')
  const base = bundle.base !== undefined ? bundle.base : contract.base === null ? null : documentOf(bundle, 'base.json')
  const nodes = new Map(manifest.nodes.map((node) => [asNodeId(node.id), node]))
  const environment = environmentOf(contract)
  const order = [...new Set(contract.steps.map((step) => asNodeId(step.node)))]
  const chosen = new Set(order.filter((id) => isChosen(request, nodes.get(id))))
  const isReplaced = request.full === true && environment === null && chosen.size === order.length
  const production = isReplaced ? readProductionToReplace(store) : readProduction(store)
  const outside = entriesOf(production)
  return {
    store,
    bundle,
    contract,
    manifest,
    base,
    nodes,
    steps: new Map(buildSteps(contract).map((step) => [asNodeId(step.node), step])),
    checks: new Map(checkSteps(contract).map((step) => [asNodeId(step.node), step])),
    targets: request.restore === true ? new Map() : targetsByNode(contract),
    after: writersBefore(contract),
    targetRecord: new TargetRecord(store, environment, request.shared?.noteTargets),
    connection: request.connection ?? noConnection,
    order,
    environment,
    production,
    own: environment === null ? outside : readEnvironmentOutputs(store, environment),
    outside,
    selected: (id) => chosen.has(id),
    isWhole: chosen.size === order.length,
    full: request.full ?? false,
    compiled: request.compiled ?? false,
    values: earlier?.values ?? runValues(request, contract),
    outputs: request.outputs ?? (request.shared === undefined ? filesBelow(store) : sharedFilesBelow(store)),
    sources: earlier?.sources ?? request.sources ?? new SourceFiles(store),
    digests: earlier?.digests ?? new ColumnDigests(store),
    recordedChecks: [
      environment === null ? undefined : readEnvState(store, environment)?.checks,
      production?.state.checks,
    ].flatMap((checks): ChecksByNode[] => (checks === undefined ? [] : [checks])),
    checkResults: earlier?.checkResults ?? new CheckResults(store),
  }
}

function targetsByNode(contract: BundleFile): ReadonlyMap<NodeId, readonly MaterializeStep[]> {
  const byNode = new Map<NodeId, MaterializeStep[]>()
  for (const step of materializeSteps(contract)) {
    const own = byNode.get(asNodeId(step.node))
    if (own === undefined) byNode.set(asNodeId(step.node), [step])
    else own.push(step)
  }
  return byNode
}

function writersBefore(contract: BundleFile): ReadonlyMap<NodeId, readonly NodeId[]> {
  const writes = new Map(materializeSteps(contract).map(({ id, node }) => [id, asNodeId(node)]))
  return new Map(
    buildSteps(contract).flatMap(({ node, depends_on }) => {
      const writers = depends_on.flatMap((id) => writes.get(id) ?? [])
      return writers.length === 0 ? [] : [[asNodeId(node), writers] as const]
    }),
  )
}

const noConnection = (name: string): never => {
  throw new RuntimeFailure(
    'PROFILE_INVALID',
    `There is no connection '${name}': no profile was found.`,
    { connection: name },
    { hints: ["Write it below 'connections:' in profiles.yml, or name a file with '--profile'."] },
  )
}

const isChosen = (request: RunRequest, node: ManifestNode | undefined): boolean =>
  node !== undefined && (request.select?.(node) ?? true)

function documentOf(bundle: Bundle, name: string): Manifest {
  return parseDocument(Manifest, bundle.files.get(name) ?? '', name, 'BUNDLE_INVALID')
}

function environmentOf(contract: BundleFile): EnvironmentName | null {
  if (contract.environment === null) return null
  const name = environmentName(contract.environment)
  if (name !== undefined) return name
  throw new RuntimeFailure('ENVIRONMENT_NAME', `'${contract.environment}' is no name for an environment`, {
    environment: contract.environment,
  })
}

export function entriesOf(generation: Generation | null): Entries {
  const entries = new Map<NodeId, Entry>()
  for (const node of generation?.manifest.nodes ?? []) {
    const state = generation?.state.nodes[node.id]
    if (generation !== null && state !== undefined)
      entries.set(asNodeId(node.id), {
        node,
        state,
        file: `${generation.folder}/intermediate/${node.id.replace('.', '_')}.parquet`,
      })
  }
  return entries
}
