// The completion script of bash. Words before the cursor are walked once: the path of commands, options with their
// values, and how many arguments there are. Where nothing is known, the shell completes files.

import { argumentValues, type CompletionEntry, casesOf, optionValues, single } from './tree.ts'

export const bash = (program: string, tree: readonly CompletionEntry[]): string =>
  `# bash completion of ${program}\n${tables(program, tree)}${completer(program, tree)}`

function tables(program: string, tree: readonly CompletionEntry[]): string {
  const echo = (words: readonly string[]) => `echo ${single(words.join(' '))}`
  const commands = tree.filter((entry) => entry.commands.length > 0)
  return `_${program}_commands() {
  case "$1" in
${casesOf(commands.map((entry) => [entry.path, echo(entry.commands.map(([name]) => name))]))}
  esac
}
_${program}_options() {
  case "$1" in
${casesOf(tree.map(({ path, options }) => [path, echo(options.flatMap((o) => o.names))]))}
  esac
}
_${program}_values() {
  case "$1" in
${casesOf(optionValues(tree).map(([key, values]) => [key, echo(values)]))}
  esac
}
_${program}_arguments() {
  case "$1" in
${casesOf(argumentValues(tree).map(([key, values]) => [key, echo(values)]))}
  esac
}
`
}

const completer = (program: string, tree: readonly CompletionEntry[]): string => `_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' option='' project='' place=0 words='' word next
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    # --name=value comes as three words.
    if [ "$word" = '=' ]; then continue; fi
    if [ -n "$option" ]; then
      if [ "$option" = '--project-path' ]; then project="$word"; fi
      option=''
      continue
    fi
    case "$word" in
      -*)
        if [ -n "$(_${program}_values "$path $word")" ]; then option="$word"; fi
        continue
        ;;
    esac
    next="\${path:+$path }$word"
    case "$next" in
      ${tree.map(({ path }) => single(path)).join('|')}) path="$next" ;;
      *) place=$((place + 1)) ;;
    esac
  done
  COMPREPLY=()
  if [ "$current" = '=' ]; then current=''; fi
  if [ -n "$option" ]; then words="$(_${program}_values "$path $option")"
  elif [ "\${current#-}" != "$current" ]; then words="$(_${program}_options "$path")"
  else
    words="$(_${program}_commands "$path")"
    if [ -z "$words" ]; then words="$(_${program}_arguments "$path $place")"; fi
  fi
  case "$words" in
    @file) return ;;
    @*)
      local called="\${1:-${program}}"
      words="$("\${called/#\\~\\//$HOME/}" \${project:+--project-path "\${project/#\\~\\//$HOME/}"} words "\${words#@}" -- "\${current//\\\\/}" 2>/dev/null)"
      words="$(printf '%s\\n' "$words" | sed 's/"/\\\\"/g')"
      ;;
  esac
  # Quotes are part of a name, and compgen takes them away, of the word at the cursor too.
  COMPREPLY=( $(compgen -W "$words" -- "$current" | sed 's/"/\\\\"/g') )
}
complete -o default -F _${program} ${program}
`
