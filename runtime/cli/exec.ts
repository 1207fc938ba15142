// `seeknal exec bundle [PATH]`: executes a bundle where it is, without the project's YAML.

import { resolve } from 'node:path'
import type { OpenedBundle } from '../contract/bundle.ts'
import { isDatabaseEngine } from '../contract/engines.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { executeBundle, planExecution } from '../execute.ts'
import type { ProjectEngine } from '../project-engine.ts'
import { command, type Surroundings } from './command.ts'
import { sayDueNodes } from './due-nodes.ts'
import { environmentArgument } from './environment-argument.ts'
import { reportApply } from './environment-report.ts'
import { EXECUTION_ARGS, executionOptions, lockTimeout } from './execution-args.ts'
import { failureSummary } from './failure-summary.ts'
import { connectionsOf, PROFILE_ARG, resolveProfile } from './profile.ts'
import { executionRoot } from './project-root.ts'
import { RunReport, sayEnd } from './run-report.ts'
import { type SharedRequest, withSharedState } from './shared.ts'
import { counted } from './text.ts'

export const bundle = command({
  about: `Executes a bundle: a folder or a .tar.gz that \`seeknal compile\` wrote. Digest and files are verified first. The project
folder (where data/ and target/ are) is --project-path, the nearest folder with seeknal_project.yml, or the working
directory. Executing the same bundle again goes on where it stopped.`,
  examples: [
    ['seeknal exec bundle', 'execute ./bundle'],
    ['seeknal exec bundle dev.tar.gz --dry-run', 'say what it would do'],
    ['seeknal exec bundle bundle --phase promote', "make an applied environment's outputs production"],
  ],
  args: {
    path: { type: 'positional', description: 'Folder or .tar.gz (default: ./bundle)', required: false },
    phase: { type: 'enum', options: ['apply', 'promote', 'rollback'], description: 'Default: apply' },
    'dry-run': { type: 'boolean', description: 'Say what would be done, and do nothing' },
    fresh: { type: 'boolean', description: 'Execute every step again' },
    force: { type: 'boolean', description: 'Go on although production moved since the bundle was compiled' },
    ...PROFILE_ARG,
    ...EXECUTION_ARGS,
  },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const options = {
      ...executionOptions(args, surroundings.environment),
      full: args.fresh === true,
      projectDir: executionRoot(surroundings),
    }
    const { open } = await import('../open.ts')
    const path = args.path ?? 'bundle'
    const opened = await open(resolve(surroundings.cwd, path))
    const own = opened.contract.environment
    const named = own === null ? null : environmentArgument(own)
    const profile = resolveProfile(args.profile, named, options.projectDir, surroundings)
    const connection = connectionsOf(profile)
    const place = { root: options.projectDir, environment: named, profile: args.profile, engine: engineOf(opened) }
    if (args.phase === 'promote' || args.phase === 'rollback')
      return await switchPhase(
        args.phase,
        opened.contract.environment,
        { dryRun: args['dry-run'] === true, force: args.force === true, ...lockTimeout(args['lock-timeout']) },
        surroundings,
        place,
      )
    const { environment, steps } = opened.contract
    terminal.success(
      `Bundle verified: ${counted(steps.length, 'step')} for ${environment === null ? 'production' : `environment '${environment}'`}`,
    )
    return withSharedState(place, surroundings, async (shared) => {
      const request = { ...options, connection, force: args.force === true, ...(shared === null ? {} : { shared }) }
      if (args['dry-run'] === true) return sayDueNodes(terminal, await planExecution(opened, request))
      const report = await RunReport.of(terminal, opened.manifest)
      const again = `seeknal exec bundle ${path}`
      const running = { ...request, command: again, signal: surroundings.signal, onEvent: report.onEvent }
      const result = await executeBundle(opened, running).finally(() => report.close())
      if (result.outcome === 'nothing') terminal.success('Nothing to execute: every step is done already.')
      const failed = await failureSummary(result, again)
      await reportApply(options.projectDir, result, failed, { terminal, shared })
      return sayEnd(terminal, result, failed)
    })
  },
})

async function switchPhase(
  phase: 'promote' | 'rollback',
  environment: string | null,
  options: { readonly dryRun: boolean; readonly force: boolean; readonly lockTimeoutMs?: number },
  surroundings: Surroundings,
  place: SharedRequest,
): Promise<number> {
  if (phase === 'rollback') {
    const { rollBack } = await import('./rollback.ts')
    return rollBack({ to: undefined, yes: true, ...options }, surroundings, place)
  }
  if (environment === null)
    throw new RuntimeFailure('USAGE', 'A bundle for production has nothing to promote: executing it is all.')
  const { promoteEnvironment } = await import('./promote.ts')
  return promoteEnvironment({ environment, to: null, yes: true, ...options }, surroundings, place)
}

/** As the bundle says: verified by then. */
const engineOf = ({ contract: { engine, project } }: OpenedBundle): ProjectEngine => ({
  name: isDatabaseEngine(engine.name) ? 'postgresql' : 'duckdb',
  connection: engine.connection ?? null,
  schema: engine.schema ?? null,
  ledger: engine.connection ?? null,
  project: project.name,
})
