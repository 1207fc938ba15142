// Command definitions → what a completion script knows: path → commands, options, and what each argument and option value
// can be. One table drives all shells.

import type { ArgDef, ArgsDef } from 'citty'
import { aliasesOf, GLOBAL_ARGS, takesValue } from '../arguments.ts'
import { type Command, type Completed, isGroup, shownVerbs, type Verbs } from '../command.ts'

/** Fixed words; `@nodes`, `@environments`…: what `words nodes` prints; `@file`: the shell's own completion of files. */
export type Values = readonly string[]

export const FILES: Values = ['@file']

export interface CompletionOption {
  readonly names: readonly string[]
  readonly what: string
  /** Null: it takes none. */
  readonly values: Values | null
}

export interface CompletionEntry {
  /** `''` for the program itself, `env plan`. */
  readonly path: string
  readonly commands: readonly (readonly [name: string, what: string])[]
  readonly options: readonly CompletionOption[]
  /** By position. */
  readonly arguments: readonly Values[]
}

/** All commands and groups, the program first, without those that help does not show. */
export async function completionTree(verbs: Verbs): Promise<readonly CompletionEntry[]> {
  const entries: CompletionEntry[] = []
  const visit = async (path: string, group: Verbs): Promise<void> => {
    const shown = shownVerbs(group)
    const commands = shown.map(([name, entry]) => [name, entry.summary] as const)
    entries.push({ path, commands, options: optionsOf(GLOBAL_ARGS, {}), arguments: [] })
    for (const [name, entry] of shown) {
      const below = path === '' ? name : `${path} ${name}`
      if (isGroup(entry)) await visit(below, entry.verbs)
      else entries.push(commandEntry(below, await entry.load()))
    }
  }
  await visit('', verbs)
  return entries
}

const commandEntry = (path: string, { args, completes }: Command): CompletionEntry => ({
  path,
  commands: [],
  options: optionsOf({ ...args, ...GLOBAL_ARGS }, completes),
  arguments: Object.entries(args).flatMap(([name, def]) =>
    def.type === 'positional' ? [valuesOf(def, completes[name])] : [],
  ),
})

const optionsOf = (args: ArgsDef, completes: Command['completes']): readonly CompletionOption[] =>
  Object.entries(args).flatMap(([name, def]) => {
    if (def.type === 'positional') return []
    const names = [name, ...aliasesOf(def)].map((n) => (n.length === 1 ? `-${n}` : `--${n}`))
    const values = takesValue(def) ? valuesOf(def, completes[name]) : null
    return [{ names, what: def.description ?? '', values }]
  })

function valuesOf(def: ArgDef, completed: Completed | undefined): Values {
  if (typeof completed === 'string') return [`@${completed}`]
  return completed ?? (def.type === 'enum' ? (def.options ?? []) : FILES)
}

export const single = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** A table as the cases of a shell's `case`. */
export const casesOf = (entries: readonly (readonly [key: string, line: string])[]): string =>
  entries.map(([key, line]) => `    ${single(key)}) ${line} ;;`).join('\n')

/** `run --nodes` → values. */
export const optionValues = (tree: readonly CompletionEntry[]): readonly (readonly [key: string, values: Values])[] =>
  tree.flatMap(({ path, options }) =>
    options.flatMap(({ names, values }) =>
      values === null ? [] : names.map((name) => [`${path} ${name}`, values] as const),
    ),
  )

/** `env diff 1` → values; positions count from 0. */
export const argumentValues = (tree: readonly CompletionEntry[]): readonly (readonly [key: string, values: Values])[] =>
  tree.flatMap((entry) => entry.arguments.map((values, place) => [`${entry.path} ${place}`, values] as const))
