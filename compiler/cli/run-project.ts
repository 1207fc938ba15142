// A run that is more than a look: compiles the project for production, says what changed, executes what is due, and
// keeps the record by which the next run sees that nothing changed.

import type { Surroundings } from '../../runtime/cli/command.ts'
import { executionOptions } from '../../runtime/cli/execution-args.ts'
import { failureSummary } from '../../runtime/cli/failure-summary.ts'
import { resolveProfile } from '../../runtime/cli/profile.ts'
import { RunReport, sayEnd } from '../../runtime/cli/run-report.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import { sentence } from '../../runtime/cli/text.ts'
import type { OpenedBundle } from '../../runtime/contract/bundle.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { missingHere, restorable } from '../../runtime/execute/made-again.ts'
import type { RunResult } from '../../runtime/execute/run.ts'
import { planExecution } from '../../runtime/execute.ts'
import type { SharedState } from '../../runtime/shared-state.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { SourceFiles } from '../../runtime/store/source-files.ts'
import { changeLines, dagLine } from './changes.ts'
import { type CompileRequest, compileProject, keepLock } from './compile-project.ts'
import { sayExecutionPlan } from './execution-plan.ts'
import type { RunArgs } from './run.ts'
import { SELECTION_LISTS, selection } from './selection.ts'
import { paramsArgument, paramsText } from './shared-args.ts'
import { executeExplained, explainFailure } from './step-places.ts'
import { prepareRecord } from './unchanged-record.ts'
import { unusedParams } from './unused-params.ts'
import { openWorkspace, sharedBy, type Workspace } from './workspace.ts'

export async function runProject(args: RunArgs, dryRun: boolean, surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings
  const options = { ...executionOptions(args, surroundings.environment), full: args.full === true }
  const params = paramsArgument(args.params)
  const isWhole = SELECTION_LISTS.every((name) => args[name] === undefined)
  const replacesAll = args.full === true && isWhole
  const workspace = openWorkspace(surroundings, replacesAll ? damageWarning(terminal) : undefined)
  const sources = new SourceFiles(workspace.store)
  try {
    workspace.databases.use(resolveProfile(args.profile, null, workspace.root, surroundings))
    const asked = { environment: null, params, executes: true, ...(dryRun || !isWhole ? {} : readingAhead(sources)) }
    const project = await compileProject(workspace, asked, terminal)
    const { bundle } = project
    const shared = await workspace.shared(null)
    const restores = args.restore === true ? restoreOf(args, workspace, bundle, shared) : null
    const select = restores === null ? selection(args, bundle.manifest) : restores.select
    const request = {
      ...options,
      ...(select === null ? {} : { select }),
      projectDir: workspace.root,
      compiled: true,
      sources,
      connection: await workspace.databases.connection(null),
      ...sharedBy(shared),
      ...(restores === null ? {} : { restore: true }),
    }
    terminal.success(dagLine(project.size.nodes, project.size.edges))
    if (bundle.base !== null) for (const line of changeLines(bundle.diff)) terminal.line(line)
    if (dryRun) return sayExecutionPlan(terminal, await planExecution(bundle, request), bundle.diff).fails ? 1 : 0
    keepLock(workspace, project.lock, terminal)
    // A run that says nothing of what is misspelled would look right. What a shared production is, only the ledger can tell.
    const isRead = unusedParams(params, workspace.files()).length === 0
    const isSimple = shared === null && select === null && isRead
    const record = isSimple ? prepareRecord(workspace, project, params, options) : null
    const report = await RunReport.of(terminal, bundle.manifest)
    const running = { ...request, command: 'seeknal run', signal: surroundings.signal, onEvent: report.onEvent }
    const run = { workspace, bundle, params, terminal }
    const result = await executeExplained(run, running).finally(() => report.close())
    if (result.outcome === 'nothing') terminal.success(restores === null ? UNCHANGED : RESTORED)
    record?.keep(result)
    const again = `seeknal run${paramsText(params)}`
    const code = sayEnd(terminal, result, await failureSummary(result, again, (node) => explainFailure(run, node)))
    if (restores !== null) requireRestored(workspace, restores, result)
    return code
  } finally {
    sources.stop()
    workspace.close({ save: !dryRun })
  }
}

const damageWarning =
  (terminal: Terminal) =>
  ({ message }: RuntimeFailure): void =>
    terminal.warn(`${sentence(message)} It is left as it is, and all of production is made anew.`)

/** What a run of all nodes will read is read while the project is compiled. */
const readingAhead = (sources: SourceFiles): Pick<CompileRequest, 'onSources'> => ({
  onSources: (paths) => {
    for (const path of paths) sources.readAhead(path)
  },
})

const UNCHANGED = 'No changes detected.'
const RESTORED = 'All outputs of production are on this machine.'

interface Restores {
  readonly missing: readonly NodeId[]
  readonly select: (node: ManifestNode) => boolean
}

/** Throws USAGE where there is nothing that machines share, or where the command asks for something else as well. */
function restoreOf(
  args: RunArgs,
  { store, production }: Workspace,
  { manifest }: OpenedBundle,
  shared: SharedState | null,
): Restores {
  if (shared?.inFiles !== true)
    throw new RuntimeFailure('USAGE', "'--restore' is for a state that a database keeps: 'state_backend'.")
  const other = ['full', ...SELECTION_LISTS].find((name) => args[name as keyof RunArgs] !== undefined)
  if (other !== undefined) throw new RuntimeFailure('USAGE', `'--restore' and '--${other}' do not go together.`)
  const missing = missingHere(store, production())
  return { missing, select: restorable(missing, production(), manifest).select }
}

/** Throws STATE_NOT_FOUND (facts: nodes) for what is still missing. */
function requireRestored({ store }: Workspace, { missing }: Restores, { outcome }: RunResult): void {
  if (outcome === 'failed' || outcome === 'interrupted') return
  const now = new Set(missingHere(store, readProduction(store)))
  const nodes = missing.filter((id) => now.has(id))
  if (nodes.length === 0) return
  throw new RuntimeFailure(
    'STATE_NOT_FOUND',
    `not made again as production has them: ${nodes.join(', ')}`,
    { nodes },
    {
      hints: [
        'What the project defines otherwise now, or what gives other rows each time, only the machine that made it has.',
        "Share target/snapshots with it, or let 'seeknal run' make it anew for all.",
      ],
    },
  )
}
