// Command definitions → help, as text and as a document for --json. Every command's help ends with an example. Pure.

import type { ArgDef, ArgsDef } from 'citty'
import { aliasesOf, GLOBAL_ARGS, takesValue } from './arguments.ts'
import { type Command, isGroup, shownVerbs, type VerbGroup, type Verbs } from './command.ts'
import { styled, type Text } from './text.ts'

type Row = readonly [string, string]

/** Help of the program or of a group of verbs. */
export function groupHelp(path: string, summary: string, verbs: Verbs, examples: readonly Row[]): readonly Text[] {
  const commands = shownVerbs(verbs).map(([name, entry]): Row => [name, entry.summary])
  return [
    summary,
    '',
    ...section('Usage', [[`${path} <command> [options]`, '']]),
    ...section('Commands', commands),
    ...section('Options', optionRows(GLOBAL_ARGS)),
    ...section('Examples', examples),
    `See \`${path} <command> --help\` for a command.`,
  ]
}

/** The examples of a group: the first of each of its commands. */
export async function groupExamples(group: VerbGroup): Promise<readonly Row[]> {
  const entries = shownVerbs(group.verbs).flatMap(([, entry]) => (isGroup(entry) ? [] : [entry.load()]))
  return (await Promise.all(entries)).flatMap((command) => command.examples.slice(0, 1))
}

export function commandHelp(path: string, command: Command): readonly Text[] {
  const positionals = Object.entries(command.args).filter(([, def]) => def.type === 'positional')
  const words = positionals.map(([name, def]) => (def.required === false ? `[${name}]` : `<${name}>`))
  const options = optionRows(
    Object.fromEntries(Object.entries(command.args).filter(([, d]) => d.type !== 'positional')),
  )
  return [
    ...command.about.trim().split('\n'),
    '',
    ...section('Usage', [[[path, ...(options.length > 0 ? ['[options]'] : []), ...words].join(' '), '']]),
    ...section(
      'Arguments',
      positionals.map(([name, def]): Row => [name, def.description ?? '']),
    ),
    ...section('Options', options),
    ...section('Options of every command', optionRows(GLOBAL_ARGS)),
    ...section('Examples', command.examples).slice(0, -1),
  ]
}

function optionRows(args: ArgsDef): readonly Row[] {
  return Object.entries(args).map(([name, def]): Row => {
    const short = aliasesOf(def).map(dashed)
    return [`${[...short, `--${name}`].join(', ')}${valueHint(def)}`, def.description ?? '']
  })
}

const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

function valueHint(def: ArgDef): string {
  if (!takesValue(def)) return ''
  if (def.type === 'enum') return ` <${(def.options ?? []).join('|')}>`
  return ` <${def.valueHint ?? 'text'}>`
}

/** Rows in two columns; an explanation starts on the next line when its term is long. */
function section(title: string, rows: readonly Row[]): readonly Text[] {
  if (rows.length === 0) return []
  const width = Math.min(30, Math.max(...rows.map(([term]) => term.length)))
  const lines = rows.flatMap(([term, what]): readonly Text[] => {
    if (what === '') return [`  ${term}`]
    if (term.length > width) return [`  ${term}`, `  ${' '.repeat(width)}  ${what}`]
    return [`  ${term.padEnd(width)}  ${what}`]
  })
  return [[styled('bold', title), ':'], ...lines, '']
}

const examplesOf = (examples: readonly Row[]) => examples.map(([command, what]) => ({ command, what }))

/** What --help --json prints for the program or a group. */
export const groupDocument = (path: string, summary: string, verbs: Verbs, examples: readonly Row[]) => ({
  command: path,
  about: summary,
  commands: shownVerbs(verbs).map(([name, entry]) => ({
    name,
    about: entry.summary,
    ...(isGroup(entry) ? { commands: shownVerbs(entry.verbs).map(([verb]) => verb) } : {}),
  })),
  options_of_every_command: optionDocuments(GLOBAL_ARGS),
  examples: examplesOf(examples),
})

/** What --help --json prints for a command. */
export const commandDocument = (path: string, { about, args, lists, examples }: Command) => ({
  command: path,
  about: about.trim(),
  arguments: Object.entries(args).flatMap(([name, def]) =>
    def.type === 'positional' ? [{ name, required: def.required !== false, description: def.description ?? '' }] : [],
  ),
  options: optionDocuments(args, lists),
  options_of_every_command: optionDocuments(GLOBAL_ARGS),
  examples: examplesOf(examples),
})

/** `value` null: it takes none; `choices` null: any. */
function optionDocuments(args: ArgsDef, lists: readonly string[] = []) {
  return Object.entries(args).flatMap(([name, def]) => {
    if (def.type === 'positional') return []
    const choices = def.type === 'enum' ? (def.options ?? []) : null
    const value = !takesValue(def) ? null : def.type === 'enum' ? 'choice' : (def.valueHint ?? 'text')
    return [
      {
        name: `--${name}`,
        aliases: aliasesOf(def).map(dashed),
        value,
        choices,
        repeatable: lists.includes(name),
        description: def.description ?? '',
      },
    ]
  })
}
