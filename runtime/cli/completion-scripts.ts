// Command definitions → completion scripts. One table of words (path → commands, options, values) drives all shells.

import type { ArgsDef } from 'citty'
import { aliasesOf, GLOBAL_ARGS, takesValue } from './arguments.ts'
import { isGroup, type Verbs } from './command.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export interface CompletionOption {
  readonly names: readonly string[]
  readonly what: string
  readonly takesValue: boolean
  readonly values: readonly string[]
}

export interface CompletionEntry {
  /** `''` for the program itself, `env plan`. */
  readonly path: string
  readonly commands: readonly (readonly [name: string, what: string])[]
  readonly options: readonly CompletionOption[]
}

/** All commands and groups, the program first. */
export async function completionTree(verbs: Verbs): Promise<readonly CompletionEntry[]> {
  const entries: CompletionEntry[] = []
  const visit = async (path: string, group: Verbs): Promise<void> => {
    entries.push({
      path,
      commands: Object.entries(group).map(([name, entry]) => [name, entry.summary]),
      options: optionsOf(GLOBAL_ARGS),
    })
    for (const [name, entry] of Object.entries(group)) {
      const below = path === '' ? name : `${path} ${name}`
      if (isGroup(entry)) await visit(below, entry.verbs)
      else
        entries.push({
          path: below,
          commands: [],
          options: optionsOf({ ...(await entry.load()).args, ...GLOBAL_ARGS }),
        })
    }
  }
  await visit('', verbs)
  return entries
}

const optionsOf = (args: ArgsDef): readonly CompletionOption[] =>
  Object.entries(args).flatMap(([name, def]) => {
    if (def.type === 'positional') return []
    const names = [name, ...aliasesOf(def)].map((n) => (n.length === 1 ? `-${n}` : `--${n}`))
    return [
      {
        names,
        what: def.description ?? '',
        takesValue: takesValue(def),
        values: def.type === 'enum' ? (def.options ?? []) : [],
      },
    ]
  })

export function script(shell: Shell, program: string, tree: readonly CompletionEntry[]): string {
  const make = { bash, zsh, fish }[shell]
  return make(program, tree)
}

const single = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** A table as the cases of a shell's `case`. */
const casesOf = (entries: readonly (readonly [path: string, line: string])[]): string =>
  entries.map(([path, line]) => `    ${single(path)}) ${line} ;;`).join('\n')

/** Words are looked up by the longest path of words that is a command; where none fits, the shell completes files. */
function bash(program: string, tree: readonly CompletionEntry[]): string {
  const paths = tree.map(({ path }) => single(path)).join('|')
  const echo = (words: readonly string[]) => `echo ${single(words.join(' '))}`
  const values = tree.flatMap(({ path, options }) =>
    options
      .filter((o) => o.takesValue)
      .flatMap((o) =>
        o.names.map((name) => [`${path} ${name}`, echo(o.values.length === 0 ? ['@file'] : o.values)] as const),
      ),
  )
  return `# bash completion of ${program}
_${program}_commands() {
  case "$1" in
${casesOf(tree.filter(({ commands }) => commands.length > 0).map(({ path, commands }) => [path, echo(commands.map(([name]) => name))]))}
  esac
}
_${program}_options() {
  case "$1" in
${casesOf(tree.map(({ path, options }) => [path, echo(options.flatMap((o) => o.names))]))}
  esac
}
_${program}_values() {
  case "$1" in
${casesOf(values)}
  esac
}
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' word next words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    case "$next" in
      ${paths}) path="$next" ;;
    esac
  done
  COMPREPLY=()
  words="$(_${program}_values "$path $previous")"
  if [ "$words" = '@file' ]; then return; fi
  if [ -z "$words" ]; then
    case "$current" in
      -*) words="$(_${program}_options "$path")" ;;
      *) words="$(_${program}_commands "$path")" ;;
    esac
  fi
  COMPREPLY=( $(compgen -W "$words" -- "$current") )
}
complete -o default -F _${program} ${program}
`
}

/** zsh: descriptions are shown beside the words. As a file of $fpath, or read by `source`. */
function zsh(program: string, tree: readonly CompletionEntry[]): string {
  const described = (name: string, what: string) =>
    single(`${name.replaceAll(':', '\\:')}:${what.replaceAll(':', '\\:')}`)
  const cases = tree.map(({ path, commands, options }) => {
    const here = commands.map(([name, what]) => described(name, what)).join(' ')
    const words = options.flatMap((o) => o.names.map((name) => described(name, o.what))).join(' ')
    return [path, `commands_here=(${here}); options_here=(${words})`] as const
  })
  const values = tree.flatMap(({ path, options }) =>
    options
      .filter((o) => o.takesValue)
      .flatMap((o) =>
        o.names.map(
          (name) =>
            [
              `${path} ${name}`,
              `${o.values.length === 0 ? '_files' : `compadd -- ${o.values.join(' ')}`}; return`,
            ] as const,
        ),
      ),
  )
  return `#compdef ${program}
_${program}() {
  local path_here='' word next
  local -a commands_here options_here
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${path_here:+$path_here }$word"
    case "$next" in
      ${tree.map(({ path }) => single(path)).join('|')}) path_here="$next" ;;
    esac
  done
  case "$path_here $words[CURRENT-1]" in
${casesOf(values)}
  esac
  case "$path_here" in
${casesOf(cases)}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then _describe -o 'option' options_here
  elif (( $#commands_here )); then _describe 'command' commands_here
  else _files
  fi
}
if [ "\${funcstack[1]}" = '_${program}' ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`
}

function fish(program: string, tree: readonly CompletionEntry[]): string {
  const condition = ({ path, commands }: CompletionEntry) => {
    const seen = path
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
    const none =
      commands.length > 0 ? [`not __fish_seen_subcommand_from ${commands.map(([name]) => name).join(' ')}`] : []
    return single([...seen, ...none].join('; and ') || 'true')
  }
  const lines = tree.flatMap((entry) => [
    ...entry.commands.map(
      ([name, what]) => `complete -c ${program} -f -n ${condition(entry)} -a ${single(name)} -d ${single(what)}`,
    ),
    ...entry.options.map((o) => {
      const names = o.names
        .map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
        .join(' ')
      const value = !o.takesValue ? '' : o.values.length === 0 ? ' -r' : ` -x -a ${single(o.values.join(' '))}`
      return `complete -c ${program} -n ${condition(entry)} ${names}${value} -d ${single(o.what)}`
    }),
  ])
  return `# fish completion of ${program}\n${lines.join('\n')}\n`
}
