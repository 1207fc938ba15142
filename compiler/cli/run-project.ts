// A run that is more than a look: compiles the project for production, says what changed, executes what is due, and
// keeps the record by which the next run sees that nothing changed.

import type { Surroundings } from '../../runtime/cli/command.ts'
import { executionOptions } from '../../runtime/cli/execution-args.ts'
import { failureSummary } from '../../runtime/cli/failure-summary.ts'
import { resolveProfile } from '../../runtime/cli/profile.ts'
import { RunReport, sayEnd } from '../../runtime/cli/run-report.ts'
import { sentence } from '../../runtime/cli/text.ts'
import type { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { NodeResult } from '../../runtime/execute/run.ts'
import { executeBundle, planExecution } from '../../runtime/execute.ts'
import { SourceFiles } from '../../runtime/store/source-files.ts'
import { changeLines, dagLine } from './changes.ts'
import { compileProject, keepLock } from './compile-project.ts'
import { sayExecutionPlan } from './execution-plan.ts'
import type { RunArgs } from './run.ts'
import { SELECTION_LISTS, selection } from './selection.ts'
import { paramsArgument, paramsText } from './shared-args.ts'
import { explainFailure } from './step-places.ts'
import { prepareRecord } from './unchanged-record.ts'
import { unusedParams } from './unused-params.ts'
import { openWorkspace, sharedBy } from './workspace.ts'

export async function runProject(args: RunArgs, dryRun: boolean, surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings
  const options = { ...executionOptions(args, surroundings.environment), full: args.full === true }
  const params = paramsArgument(args.params)
  const isWhole = SELECTION_LISTS.every((name) => args[name] === undefined)
  const replacesAll = args.full === true && isWhole
  const onDamage = ({ message }: RuntimeFailure): void =>
    terminal.warn(`${sentence(message)} It is left as it is, and all of production is made anew.`)
  const workspace = openWorkspace(surroundings, replacesAll ? onDamage : undefined)
  const sources = new SourceFiles(workspace.store)
  const readAhead = (path: string): void => sources.readAhead(path)
  try {
    workspace.databases.use(resolveProfile(args.profile, null, workspace.root, surroundings))
    const onSources = dryRun || !isWhole ? {} : { onSources: (paths: readonly string[]) => paths.forEach(readAhead) }
    const project = await compileProject(
      workspace,
      { environment: null, params, executes: true, ...onSources },
      terminal,
    )
    const { bundle } = project
    const select = selection(args, bundle.manifest)
    const request = {
      ...options,
      ...(select === null ? {} : { select }),
      projectDir: workspace.root,
      compiled: true,
      sources,
      connection: await workspace.databases.connection(null),
      ...sharedBy(await workspace.shared(null)),
    }
    terminal.success(dagLine(project.size.nodes, project.size.edges))
    if (bundle.base !== null) for (const line of changeLines(bundle.diff)) terminal.line(line)
    if (dryRun) {
      return sayExecutionPlan(terminal, await planExecution(bundle, request), bundle.diff).fails ? 1 : 0
    }
    keepLock(workspace, project.lock, terminal)
    // A run that says nothing of what is misspelled would look right.
    const isRead = unusedParams(params, workspace.files()).length === 0
    const record = select === null && isRead ? prepareRecord(workspace, project, params, options) : null
    const report = new RunReport(terminal, bundle.manifest)
    const running = { ...request, command: 'seeknal run', signal: surroundings.signal, onEvent: report.onEvent }
    const result = await executeBundle(bundle, running).finally(() => report.close())
    if (result.outcome === 'nothing') terminal.success('No changes detected.')
    record?.keep(result)
    const explain = (node: NodeResult) => explainFailure(workspace, bundle, params, node)
    return sayEnd(terminal, result, await failureSummary(result, `seeknal run${paramsText(params)}`, explain))
  } finally {
    sources.stop()
    workspace.close({ save: !dryRun })
  }
}
