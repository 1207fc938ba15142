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

/** Words are looked up by the longest path of words that is a command. */
function bash(program: string, tree: readonly CompletionEntry[]): string {
  const paths = tree.map(({ path }) => single(path)).join('|')
  const words = tree.map(
    ({ path, commands, options }) =>
      `    ${single(path)}) echo ${single([...commands.map(([name]) => name), ...options.flatMap((o) => o.names)].join(' '))} ;;`,
  )
  const values = tree.flatMap(({ path, options }) =>
    options
      .filter((o) => o.takesValue)
      .flatMap((o) =>
        o.names.map(
          (name) =>
            `    ${single(`${path} ${name}`)}) echo ${single(o.values.length === 0 ? '@file' : o.values.join(' '))} ;;`,
        ),
      ),
  )
  return `# bash completion of ${program}
_${program}_words() {
  case "$1" in
${words.join('\n')}
  esac
}
_${program}_values() {
  case "$1" in
${values.join('\n')}
  esac
}
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' word next values
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    case "$next" in
      ${paths}) path="$next" ;;
    esac
  done
  values="$(_${program}_values "$path $previous")"
  if [ "$values" = '@file' ]; then
    COMPREPLY=( $(compgen -f -- "$current") )
  elif [ -n "$values" ]; then
    COMPREPLY=( $(compgen -W "$values" -- "$current") )
  else
    COMPREPLY=( $(compgen -W "$(_${program}_words "$path")" -- "$current") )
    [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=( $(compgen -f -- "$current") )
  fi
}
complete -F _${program} ${program}
`
}

/** zsh: descriptions are shown beside the words. */
function zsh(program: string, tree: readonly CompletionEntry[]): string {
  const described = (name: string, what: string) =>
    single(`${name.replaceAll(':', '\\:')}:${what.replaceAll(':', '\\:')}`)
  const cases = tree.map(({ path, commands, options }) => {
    const words = [
      ...commands.map(([name, what]) => described(name, what)),
      ...options.flatMap((o) => o.names.map((name) => described(name, o.what))),
    ]
    return `    ${single(path)}) words_here=(${words.join(' ')}) ;;`
  })
  const values = tree.flatMap(({ path, options }) =>
    options
      .filter((o) => o.takesValue)
      .flatMap((o) =>
        o.names.map(
          (name) =>
            `    ${single(`${path} ${name}`)}) ${o.values.length === 0 ? '_files' : `compadd -- ${o.values.join(' ')}`}; return ;;`,
        ),
      ),
  )
  return `#compdef ${program}
_${program}() {
  local path_here='' word next
  local -a words_here
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${path_here:+$path_here }$word"
    case "$next" in
      ${tree.map(({ path }) => single(path)).join('|')}) path_here="$next" ;;
    esac
  done
  case "$path_here $words[CURRENT-1]" in
${values.join('\n')}
  esac
  case "$path_here" in
${cases.join('\n')}
  esac
  _describe 'command' words_here || _files
}
_${program} "$@"
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
