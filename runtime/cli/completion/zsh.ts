// The completion script of zsh: descriptions are shown beside commands and options. As a file of $fpath, or read by
// `source`.

import { argumentValues, type CompletionEntry, casesOf, optionValues, single } from './tree.ts'

export const zsh = (program: string, tree: readonly CompletionEntry[]): string =>
  `#compdef ${program}
${tables(program, tree)}_${program}() {
${state(program, tree)}${answer(program, tree)}}
if [ "\${funcstack[1]}" = '_${program}' ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`

/** Commands and options of each path, as cases. */
function here(tree: readonly CompletionEntry[]): string {
  const described = (name: string, what: string) =>
    single(`${name.replaceAll(':', '\\:')}:${what.replaceAll(':', '\\:')}`)
  const cases = tree.map(({ path, commands, options }) => {
    const below = commands.map(([name, what]) => described(name, what)).join(' ')
    const words = options.flatMap((o) => o.names.map((name) => described(name, o.what))).join(' ')
    return [path, `commands_here=(${below}); options_here=(${words})`] as const
  })
  return casesOf(cases)
}

function tables(program: string, tree: readonly CompletionEntry[]): string {
  const print = (values: readonly string[]) => `print -r -- ${single(values.join(' '))}`
  return `_${program}_values() {
  case "$1" in
${casesOf(optionValues(tree).map(([key, values]) => [key, print(values)]))}
  esac
}
_${program}_arguments() {
  case "$1" in
${casesOf(argumentValues(tree).map(([key, values]) => [key, print(values)]))}
  esac
}
`
}

/** Walks the words before the cursor. */
const state = (
  program: string,
  tree: readonly CompletionEntry[],
): string => `  local path_here='' option='' project='' what='' word next
  local -a commands_here options_here
  integer place=0
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n "$option" ]]; then
      if [[ "$option" == --project-path ]]; then project="$word"; fi
      option=''
      continue
    fi
    if [[ "$word" == --project-path=* ]]; then project="\${word#*=}"; fi
    if [[ "$word" == -* ]]; then
      if [[ -n "$(_${program}_values "$path_here $word")" ]]; then option="$word"; fi
      continue
    fi
    next="\${path_here:+$path_here }$word"
    case "$next" in
      ${tree.map(({ path }) => single(path)).join('|')}) path_here="$next" ;;
      *) (( place += 1 )) ;;
    esac
  done
`

const answer = (program: string, tree: readonly CompletionEntry[]): string => `  case "$path_here" in
${here(tree)}
  esac
  if [[ -z "$option" && "$words[CURRENT]" == --*=* ]]; then
    option="\${words[CURRENT]%%=*}"
    compset -P '*='
  fi
  if [[ -n "$option" ]]; then what="$(_${program}_values "$path_here $option")"
  elif [[ "$words[CURRENT]" == -* ]]; then
    _describe -o 'option' options_here
    return
  elif (( $#commands_here )); then
    _describe 'command' commands_here
    return
  else what="$(_${program}_arguments "$path_here $place")"
  fi
  if [[ "$what" == @file ]]; then _files
  elif [[ "$what" == @* ]]; then
    local called="\${words[1]/#\\~\\//$HOME/}"
    local -a found global
    if [[ -n "$project" ]]; then global=(--project-path "\${project/#\\~\\//$HOME/}"); fi
    found=("\${(@f)$("$called" $global words "\${what#@}" -- "\${(Q)PREFIX}" 2>/dev/null)}")
    found=("\${(@)found:#}")
    if (( $#found )); then compadd -- $found; else _files; fi
  elif [[ -n "$what" ]]; then compadd -- \${=what}
  fi
`
