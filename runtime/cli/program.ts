// argv → exit code: finds the verb, checks its arguments, runs it, and puts whatever was thrown into words.
// Exit codes: 0 done, 1 it ran and failed, 2 wrong request, 3 refused because of others, 70 our bug, 130 interrupted.

import { nearest } from '../contract/diagnostics.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { type CheckedArguments, checkArguments, type GlobalOptions, splitVerb } from './arguments.ts'
import { type Command, isGroup, type Surroundings, shownVerbs, type VerbGroup, type Verbs } from './command.ts'
import { sayError } from './errors.ts'
import { commandDocument, commandHelp, groupDocument, groupExamples, groupHelp } from './help.ts'
import { type Sink, Terminal } from './terminal.ts'
import type { Text } from './text.ts'

export interface Program {
  readonly name: string
  readonly summary: string
  readonly version: string
  readonly verbs: Verbs
  readonly examples: readonly (readonly [command: string, what: string])[]
}

export interface Host {
  readonly stdout: Sink & { readonly isTTY?: boolean }
  readonly stderr: Sink
  readonly stdin: { readonly isTTY?: boolean }
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

type Found =
  | { readonly kind: 'command'; readonly command: Command; readonly path: string; readonly rest: readonly string[] }
  | { readonly kind: 'group'; readonly group: VerbGroup; readonly path: string; readonly rest: readonly string[] }

/** Runs one command line; never throws. */
export async function runProgram(program: Program, argv: readonly string[], host: Host): Promise<number> {
  let terminal = terminalOf(early(argv), host)
  try {
    const found = await findCommand(program, argv)
    const checked = checkArguments(found.rest, found.kind === 'command' ? found.command : null, found.path)
    terminal = terminalOf(checked.globals, host)
    if (checked.globals.version) return sayVersion(terminal, program)
    return await dispatch(program, found, checked, terminal, host)
  } catch (error) {
    const code = sayError(terminal, error, host.signal.aborted)
    // There, 2 says that something changed.
    return code === 2 && argv.includes('--detailed-exitcode') ? 1 : code
  }
}

async function dispatch(
  program: Program,
  found: Found,
  checked: CheckedArguments,
  terminal: Terminal,
  host: Host,
): Promise<number> {
  if (found.kind === 'command') {
    if (checked.globals.help)
      return answer(terminal, commandHelp(found.path, found.command), () => commandDocument(found.path, found.command))
    const { projectPath } = checked.globals
    const surroundings: Surroundings = { ...host, program, terminal, projectPath }
    return await found.command.run(checked.raw, surroundings)
  }
  const { group, path } = found
  const examples = path === program.name ? program.examples : await groupExamples(group)
  const help = groupHelp(path, group.summary, group.verbs, examples)
  const document = () => groupDocument(path, group.summary, group.verbs, examples)
  if (checked.globals.help) return answer(terminal, help, document)
  for (const line of help) terminal.problem(line)
  if (terminal.options.json) terminal.document(document())
  return 2
}

const sayVersion = (terminal: Terminal, { name, version }: Program): number =>
  answer(terminal, [version], () => ({ name, version }))

/** What was asked for: lines for people, or one document. */
function answer(terminal: Terminal, lines: readonly Text[], document: () => unknown): number {
  if (terminal.options.json) terminal.document(document())
  else for (const line of lines) terminal.result(line)
  return 0
}

/** Walks the verbs; a group without a verb is shown with its help. Throws USAGE for an unknown one. */
async function findCommand(program: Program, argv: readonly string[]): Promise<Found> {
  let group: VerbGroup = { summary: program.summary, verbs: program.verbs }
  let path = program.name
  let { before, rest } = splitVerb(argv)
  for (;;) {
    const name = rest[0]
    if (name === undefined || name === '--') return { kind: 'group', group, path, rest: [...before, ...rest] }
    const entry = Object.hasOwn(group.verbs, name) ? group.verbs[name] : undefined
    if (entry === undefined) throw unknownCommand(name, path, group.verbs)
    path = `${path} ${name}`
    if (!isGroup(entry))
      return { kind: 'command', command: await entry.load(), path, rest: [...before, ...rest.slice(1)] }
    group = entry
    const next = splitVerb(rest.slice(1))
    before = [...before, ...next.before]
    rest = next.rest
  }
}

function unknownCommand(name: string, path: string, verbs: Verbs): RuntimeFailure {
  const near = nearest(
    name,
    shownVerbs(verbs).map(([verb]) => verb),
  )
  const hints = near === undefined ? [`See \`${path} --help\`.`] : [`Did you mean '${path} ${near}'?`]
  return new RuntimeFailure(
    'USAGE',
    `'${path}' has no command '${name}'.`,
    { command: name, nearest: near ?? null },
    { hints },
  )
}

/** What the arguments say about output before they have been checked: needed to report that they are wrong. */
function early(argv: readonly string[]): Pick<GlobalOptions, 'json' | 'quiet' | 'verbose' | 'noColor'> {
  const has = (...names: string[]) => names.some((name) => argv.includes(name))
  return { json: has('--json'), quiet: false, verbose: has('--verbose', '-v'), noColor: has('--no-color') }
}

function terminalOf(globals: Pick<GlobalOptions, 'json' | 'quiet' | 'verbose' | 'noColor'>, host: Host): Terminal {
  const onTerminal = host.stdout.isTTY === true
  const { NO_COLOR, TERM, CI } = host.environment
  const color = onTerminal && !globals.noColor && (NO_COLOR ?? '') === '' && TERM !== 'dumb'
  const interactive = onTerminal && host.stdin.isTTY === true && !globals.json && TERM !== 'dumb' && (CI ?? '') === ''
  const { json, quiet, verbose } = globals
  return new Terminal({ json, quiet, verbose, color, interactive }, host.stdout, host.stderr)
}
