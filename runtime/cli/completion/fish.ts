// The completion script of fish. Conditions are evaluated once for each different text: all lines of a command have the
// same one.

import { argumentValues, type CompletionEntry, optionValues, single, type Values } from './tree.ts'

export function fish(program: string, tree: readonly CompletionEntry[]): string {
  const lines = tree.flatMap((entry) => [
    ...entry.commands.map(
      ([name, what]) => `complete -c ${program} -f -n ${at(program, entry.path)} -a ${single(name)} -d ${single(what)}`,
    ),
    ...entry.options.map((o) => {
      const names = o.names
        .map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
        .join(' ')
      const value = o.values === null ? '' : valueWords(program, o.values)
      return `complete -c ${program} -n ${at(program, entry.path)} ${names}${value} -d ${single(o.what)}`
    }),
  ])
  const positionals = argumentValues(tree).flatMap(([key, values]) => {
    const [, path = '', place = ''] = /^(.*) (\d+)$/.exec(key) ?? []
    if (values[0] === '@file') return []
    return [`complete -c ${program} -f -n ${at(program, path, place)} -a ${words(program, values)}`]
  })
  return `# fish completion of ${program}
${where(program, tree)}${asked(program)}${lines.join('\n')}
${positionals.join('\n')}
`
}

/** Where the cursor is among the commands. */
const where = (
  program: string,
  tree: readonly CompletionEntry[],
): string => `set -g __${program}_paths ${tree.map(({ path }) => single(path)).join(' ')}
set -g __${program}_valued ${optionValues(tree)
  .map(([key]) => single(key))
  .join(' ')}
# Whether the words before the cursor are the command $argv[1], with $argv[2] arguments.
function __${program}_at
  set -l before (commandline -opc)
  set -e before[1]
  set -l path ''
  set -l option ''
  set -l place 0
  for word in $before
    if test -n "$option"
      set option ''
      continue
    end
    if string match -q -- '-*' $word
      if contains -- "$path $word" $__${program}_valued
        set option $word
      end
      continue
    end
    set -l next (string trim -- "$path $word")
    if contains -- "$next" $__${program}_paths
      set path $next
    else
      set place (math $place + 1)
    end
  end
  if test (count $argv) -gt 1 -a "$place" != "$argv[2]"
    return 1
  end
  test "$path" = "$argv[1]"
end
`

const asked = (program: string): string => `# What \`words\` prints for the word at the cursor.
function __${program}_words
  set -l before (commandline -opc)
  set -l called (string replace -r '^~/' "$HOME/" -- $before[1])
  set -l global
  for i in (seq (count $before))
    if string match -q -- '--project-path=*' $before[$i]
      set global --project-path (string replace -- '--project-path=' '' $before[$i])
    else if test $before[$i] = --project-path -a $i -lt (count $before)
      set global --project-path $before[(math $i + 1)]
    end
  end
  set -l current (string replace -r -- '^--[^=]*=' '' (commandline -ct))
  set -l unquoted (string unescape -- "$current"); and set current $unquoted
  $called $global words $argv[1] -- "$current" 2>/dev/null
end
`

const at = (program: string, path: string, place?: string): string =>
  single(`__${program}_at ${single(path)}${place === undefined ? '' : ` ${place}`}`)

const words = (program: string, values: Values): string =>
  values[0]?.startsWith('@') === true ? single(`(__${program}_words ${values[0].slice(1)})`) : single(values.join(' '))

const valueWords = (program: string, values: Values): string =>
  values[0] === '@file' ? ' -r' : ` -x -a ${words(program, values)}`
