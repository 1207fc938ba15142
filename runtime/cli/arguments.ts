// Command line → verb, its checked raw arguments, and the options that every command has. citty lets unknown options
// and excess arguments pass, so everything is checked here first: RuntimeFailure USAGE with the nearest name. Pure.

import type { ArgDef, ArgsDef } from 'citty'
import { nearest } from '../contract/diagnostics.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { Command } from './command.ts'

/** Options of every command. */
export const GLOBAL_ARGS = {
  'project-path': {
    type: 'string',
    description: 'Project folder (default: nearest parent with seeknal_project.yml)',
    valueHint: 'dir',
  },
  json: { type: 'boolean', description: 'Write JSON on stdout; everything for people goes to stderr' },
  quiet: { type: 'boolean', alias: 'q', description: 'Write only results, warnings and errors' },
  verbose: { type: 'boolean', alias: 'v', description: 'Write details, and stack traces of unexpected errors' },
  'no-color': { type: 'boolean', description: 'No colours (also: NO_COLOR=1)' },
  help: { type: 'boolean', alias: 'h', description: 'Show help' },
  version: { type: 'boolean', description: 'Show the version' },
} as const satisfies ArgsDef

export interface GlobalOptions {
  readonly projectPath: string | null
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly noColor: boolean
  readonly help: boolean
  readonly version: boolean
}

export interface Option {
  readonly name: string
  readonly def: ArgDef
}

const LOOKS_LIKE_OPTION = /^--?[a-zA-Z][\w-]*(=.*)?$/s

/** The option that `token` (`--name`, `--name=…`, `-n`) names, or undefined. */
export function findOption(token: string, args: ArgsDef): Option | undefined {
  const name = (token.split('=')[0] ?? '').replace(/^--?/, '')
  const long = token.startsWith('--')
  for (const [key, def] of Object.entries(args)) {
    if (def.type === 'positional') continue
    const aliases = aliasesOf(def)
    if (long ? key === name || aliases.includes(name) : aliases.includes(name)) return { name: key, def }
  }
  return undefined
}

export function aliasesOf(def: ArgDef): readonly string[] {
  const alias = 'alias' in def ? def.alias : undefined
  return alias === undefined ? [] : typeof alias === 'string' ? [alias] : alias
}

export const takesValue = (def: ArgDef): boolean =>
  def.type === 'string' || def.type === 'enum' || def.type === undefined

/** The words before the first option value that could be verbs, with the rest of the line. Only global options precede a verb. */
export function splitVerb(argv: readonly string[]): {
  readonly before: readonly string[]
  readonly rest: readonly string[]
} {
  let at = 0
  while (at < argv.length) {
    const token = argv[at] ?? ''
    if (!token.startsWith('-') || token === '-' || token === '--') break
    const option = findOption(token, GLOBAL_ARGS)
    at += option !== undefined && takesValue(option.def) && !token.includes('=') ? 2 : 1
  }
  return { before: argv.slice(0, at), rest: argv.slice(at) }
}

export interface CheckedArguments {
  /** One form only: `--name=value`, `--name`, and positionals after `--`. */
  readonly raw: readonly string[]
  readonly globals: GlobalOptions
}

/** Checks the arguments of a command, or of none (`command` null). Throws USAGE. */
export function checkArguments(argv: readonly string[], command: Command | null, path: string): CheckedArguments {
  const known: ArgsDef = { ...GLOBAL_ARGS, ...command?.args }
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i] ?? ''
    if (token === '--') {
      positionals.push(...argv.slice(i + 1))
      break
    }
    if (!token.startsWith('-') || token === '-') {
      positionals.push(token)
      continue
    }
    const option = findOption(token, known) ?? unknownOption(token, known, path)
    const given = givenValue(token, option, argv[i + 1], known)
    if (given.next) i++
    values.set(option.name, [...(values.get(option.name) ?? []), given.value])
  }
  const globals = globalOptions(values)
  if (command === null || globals.help) return { raw: [], globals }
  checkPositionals(positionals, command, path)
  const raw = Object.entries(command.args).flatMap(([name, def]) => {
    const given = values.get(name)
    if (given === undefined || def.type === 'positional') return []
    if (!takesValue(def)) return [`--${name}`]
    if (!command.lists.includes(name)) return [`--${name}=${given.at(-1) ?? ''}`]
    return [
      `--${name}=${given
        .flatMap((value) => listed(value))
        .map(listItem)
        .join(',')}`,
    ]
  })
  return { raw: [...raw, '--', ...positionals], globals }
}

function globalOptions(values: ReadonlyMap<string, readonly string[]>): GlobalOptions {
  return {
    projectPath: values.get('project-path')?.at(-1) ?? null,
    json: values.has('json'),
    quiet: values.has('quiet'),
    verbose: values.has('verbose'),
    noColor: values.has('no-color'),
    help: values.has('help'),
    version: values.has('version'),
  }
}

function unknownOption(token: string, known: ArgsDef, path: string): never {
  const name = token.split('=')[0] ?? token
  const names = Object.entries(known)
    .filter(([, def]) => def.type !== 'positional')
    .map(([key]) => `--${key}`)
  const near = nearest(name, names)
  const hints = [near === undefined ? `See \`${path} --help\`.` : `Did you mean '${near}'?`]
  throw new RuntimeFailure(
    'USAGE',
    `'${path}' has no option '${name}'.`,
    { option: name, nearest: near ?? null },
    { hints },
  )
}

function givenValue(
  token: string,
  option: Option,
  following: string | undefined,
  known: ArgsDef,
): { readonly value: string; readonly next: boolean } {
  const equals = token.indexOf('=')
  const shown = token.split('=')[0] ?? token
  if (!takesValue(option.def)) {
    if (equals !== -1) throw new RuntimeFailure('USAGE', `'${shown}' takes no value.`, { option: shown })
    return { value: '', next: false }
  }
  const missing =
    following === undefined || (LOOKS_LIKE_OPTION.test(following) && findOption(following, known) !== undefined)
  if (equals === -1 && missing) throw new RuntimeFailure('USAGE', `'${shown}' needs a value.`, { option: shown })
  const value = equals === -1 ? (following ?? '') : token.slice(equals + 1)
  const choices = option.def.type === 'enum' ? (option.def.options ?? []) : []
  if (choices.length > 0 && !choices.includes(value)) {
    const near = nearest(value, choices)
    const hints = near === undefined ? [] : [`Did you mean '${near}'?`]
    throw new RuntimeFailure(
      'USAGE',
      `'${shown}' is one of ${choices.join(', ')}; '${value}' is not.`,
      { option: shown, value },
      { hints },
    )
  }
  return { value, next: equals === -1 }
}

function checkPositionals(given: readonly string[], command: Command, path: string): void {
  const wanted = Object.entries(command.args).filter(([, def]) => def.type === 'positional')
  const usage = `See \`${path} --help\`.`
  const excess = given[wanted.length]
  if (excess !== undefined)
    throw new RuntimeFailure(
      'USAGE',
      `'${path}' does not take the argument '${excess}'.`,
      { argument: excess },
      { hints: [usage] },
    )
  const missing = wanted[given.length]
  if (missing !== undefined && missing[1].required !== false)
    throw new RuntimeFailure('USAGE', `'${path}' needs <${missing[0]}>.`, { argument: missing[0] }, { hints: [usage] })
}

/** A whole number given as the value of `option`. Throws USAGE. */
export function wholeNumber(value: string, option: string, least: number): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) < least)
    throw new RuntimeFailure('USAGE', `'${option}' is a whole number of at least ${least}; '${value}' is not.`, {
      option,
      value,
    })
  return Number(value)
}

/** `30s`, `500ms`, `2m`, `1h`, or plain seconds, as milliseconds. Throws USAGE. */
export function milliseconds(value: string, option: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(value)
  if (match === null)
    throw new RuntimeFailure('USAGE', `'${option}' is a duration such as 30s or 5m; '${value}' is not.`, {
      option,
      value,
    })
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 's'] ?? 1000
  return Number(match[1]) * unit
}

/** What --format says, or --json, which is no other one; undefined: neither. Throws USAGE. */
export function formatArgument<const F extends string>(format: F | undefined, json: boolean): F | 'json' | undefined {
  if (!json || format === 'json') return format
  if (format === undefined) return 'json'
  throw new RuntimeFailure('USAGE', `'--json' and '--format ${format}' ask for two formats.`, { format })
}

/** An item in quotes, in which a quote is written twice, or one without; and the comma behind it. */
const ITEM = /\s*(?:"((?:[^"]|"")*)"|((?!")[^,]*?))\s*(,|$)/y

/**
 * The values of an option that takes a list: separated by commas, given once or several times, as in CSV: a name that
 * holds a comma stands in quotes. Throws USAGE for a quote that is not closed, or closed within an item.
 */
export function listed(value: string | undefined): readonly string[] {
  if (value === undefined) return []
  const items: string[] = []
  for (let at = 0, comma = ','; comma === ','; at = ITEM.lastIndex) {
    ITEM.lastIndex = at
    const found = ITEM.exec(value)
    if (found === null) throw notClosed(value.slice(at))
    const [, inQuotes, plain = '', separator = ''] = found
    items.push(inQuotes?.replaceAll('""', '"') ?? plain)
    comma = separator
  }
  return items.filter((item) => item !== '')
}

/** How `listed` takes a name. */
export const listItem = (name: string): string =>
  /^[\s"]|,|\s$/.test(name) ? `"${name.replaceAll('"', '$&$&')}"` : name

const notClosed = (rest: string) =>
  new RuntimeFailure(
    'USAGE',
    `In a list, the quotes of ${rest.trim()} do not enclose one name.`,
    { value: rest.trim() },
    { hints: [`A name that holds a comma is written as '"b,c"', and a quote in it twice.`] },
  )
