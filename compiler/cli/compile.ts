// `seeknal compile`: writes the bundle for review, or checks one that is checked in. `--check` uses the base that the
// bundle carries, so that it works where there is no target/.

import { resolve } from 'node:path'
import { command, type Surroundings } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { PROFILE_ARG, resolveProfile } from '../../runtime/cli/profile.ts'
import { counted } from '../../runtime/cli/text.ts'
import { isError } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import { Manifest } from '../../runtime/contract/manifest.ts'
import { parseDocument } from '../../runtime/contract/schema.ts'
import { open } from '../../runtime/open.ts'
import { readIfThere } from '../../runtime/store/files.ts'
import type { Json } from '../load.ts'
import { type Past, pastOf } from '../past.ts'
import { changeLines, dagLine, planExitCode } from './changes.ts'
import { compiled, compileProject, dueIn, keepLock, pastOfBundle, projectErrors } from './compile-project.ts'
import { sayDiagnostics } from './diagnostics.ts'
import { PASS_NAMES, passNamed } from './pass-argument.ts'
import { EXIT_CODE_ARGS, excludes, PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

interface Request {
  readonly environment: EnvironmentName | null
  readonly params: { readonly [key: string]: Json }
}

export const compile = command({
  about: `Writes the execution bundle: the SQL of every step, what changed against production, and a review for people. The
same project gives the same bytes on every machine. Nothing is executed.`,
  examples: [
    ['seeknal compile --env dev', "write ./bundle for environment 'dev'"],
    ['seeknal compile --env dev --archive dev.tar.gz', 'write one file'],
    [
      'seeknal compile --env dev --check bundle',
      'is the checked-in bundle what the project compiles to? (exit code 1: no)',
    ],
    ['seeknal compile --stop-after graph --json', 'print what a pass gives'],
  ],
  args: {
    env: { type: 'string', description: 'Compile for this environment (default: production)', valueHint: 'name' },
    base: {
      type: 'string',
      description: "Compare with this manifest.json instead of production's; 'none': everything is new",
      valueHint: 'file',
    },
    out: { type: 'string', alias: 'o', description: 'Folder to write (default: bundle)', valueHint: 'dir' },
    archive: { type: 'string', description: 'Write one .tar.gz instead', valueHint: 'file' },
    check: { type: 'string', description: 'Compare with a bundle, and write nothing', valueHint: 'dir' },
    'stop-after': {
      type: 'enum',
      options: PASS_NAMES,
      description: 'Print the result of a pass as JSON, and write nothing',
    },
    ...PARAMS_ARG,
    ...PROFILE_ARG,
    ...EXIT_CODE_ARGS,
  },
  completes: { env: 'environments' },
  async run(args, surroundings) {
    excludes(['check', args.check], ['out', args.out])
    excludes(['check', args.check], ['archive', args.archive])
    excludes(['check', args.check], ['base', args.base])
    const { terminal } = surroundings
    const environment = args.env === undefined ? null : environmentArgument(args.env)
    const request: Request = { environment, params: paramsArgument(args.params) }
    const workspace = openWorkspace(surroundings)
    try {
      workspace.databases.use(resolveProfile(args.profile, environment, workspace.root, surroundings))
      if (args['stop-after'] !== undefined)
        return await printPass(workspace, request, args['stop-after'], args.base, surroundings)
      if (args.check !== undefined) return await checkBundle(workspace, request, args.check, surroundings)
      const past = pastArgument(args.base, surroundings)
      const project = await compileProject(workspace, { ...request, ...(past === undefined ? {} : { past }) }, terminal)
      keepLock(workspace, project.lock, terminal)
      const { bundle } = project
      const written = await write(bundle, args, surroundings)
      terminal.success(dagLine(project.size.nodes, project.size.edges))
      if (bundle.contract.base !== null) for (const line of changeLines(bundle.diff)) terminal.line(line)
      terminal.success(
        `Bundle written to ${written}: ${counted(bundle.contract.steps.length, 'step')}, digest ${bundle.contract.digest}`,
      )
      if (terminal.options.json)
        terminal.document({
          path: written,
          digest: bundle.contract.digest,
          environment,
          steps: bundle.contract.steps.length,
          diff: bundle.diff,
        })
      const exit = { detailed: args['detailed-exitcode'] === true, failOn: args['fail-on'] }
      // A first one is hundreds of kilobytes, which nobody need parse.
      const isAsked = exit.detailed || exit.failOn !== undefined
      return isAsked ? planExitCode(bundle.diff, bundle.diff.changes.length > 0, exit) : 0
    } finally {
      workspace.close()
    }
  },
})

async function write(
  bundle: Awaited<ReturnType<typeof open>>,
  args: { readonly out?: string | undefined; readonly archive?: string | undefined },
  { cwd }: Surroundings,
): Promise<string> {
  if (args.archive !== undefined) {
    const { writeArchive } = await import('../../runtime/bundle/archive.ts')
    await writeArchive(resolve(cwd, args.archive), bundle)
    if (args.out === undefined) return args.archive
  }
  const { writeBundle } = await import('../../runtime/bundle/directory.ts')
  const out = args.out ?? 'bundle'
  writeBundle(resolve(cwd, out), bundle)
  return args.archive === undefined ? out : `${args.archive} and ${out}`
}

/** `--base`: undefined keeps production's manifest. */
function pastArgument(path: string | undefined, { cwd }: Surroundings): Past | null | undefined {
  if (path === undefined) return undefined
  if (path === 'none') return null
  const text = readIfThere(resolve(cwd, path))
  if (text === null)
    throw new RuntimeFailure(
      'USAGE',
      `There is no file '${path}'.`,
      { path },
      { hints: ["'--base' is a manifest.json, or 'none'."] },
    )
  return pastOf(parseDocument(Manifest, text, path, 'USAGE'))
}

async function checkBundle(
  workspace: Workspace,
  request: Request,
  path: string,
  { terminal, cwd }: Surroundings,
): Promise<number> {
  const there = await open(resolve(cwd, path))
  if (there.contract.environment !== request.environment) {
    const name = there.contract.environment === null ? 'production' : `environment '${there.contract.environment}'`
    const hints = [
      there.contract.environment === null ? 'Leave --env out.' : `Add --env ${there.contract.environment}.`,
    ]
    throw new RuntimeFailure(
      'USAGE',
      `The bundle in '${path}' is for ${name}.`,
      { path, environment: there.contract.environment },
      { hints },
    )
  }
  const { bundle } = await compileProject(
    workspace,
    { ...request, past: pastOfBundle(there), due: dueIn(there) },
    terminal,
  )
  if (bundle.contract.digest === there.contract.digest) {
    terminal.success(`${path} is what the project compiles to.`)
    if (terminal.options.json) terminal.document({ equal: true, digest: there.contract.digest })
    return 0
  }
  const { bundleDifference } = await import('../../runtime/bundle-diff.ts')
  const { sayDifference } = await import('../../runtime/cli/bundle-difference.ts')
  const difference = bundleDifference(there, bundle)
  if (terminal.options.json) terminal.document(difference)
  else sayDifference(terminal, difference)
  throw new RuntimeFailure(
    'BUNDLE_DIFFERS',
    `${path} is not what the project compiles to.`,
    { path },
    {
      hints: [
        `Write it again with \`seeknal compile${request.environment === null ? '' : ` --env ${request.environment}`} --out ${path}\`.`,
      ],
    },
  )
}

async function printPass(
  workspace: Workspace,
  request: Request,
  pass: string,
  basePath: string | undefined,
  surroundings: Surroundings,
): Promise<number> {
  const { terminal } = surroundings
  const past = pastArgument(basePath, surroundings)
  const result = await compiled(workspace, {
    ...request,
    ...(past === undefined ? {} : { past }),
    stopAfter: passNamed(pass),
  })
  sayDiagnostics(terminal, result.diagnostics, workspace.files())
  terminal.document({ pass: result.last.pass, output: result.last.output, diagnostics: result.diagnostics })
  if (result.diagnostics.some(isError)) throw projectErrors(result.diagnostics)
  return 0
}
