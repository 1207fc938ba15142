// `seeknal completion bash|zsh|fish`: a script made of the command definitions.

import { RuntimeFailure } from '../contract/failures.ts'
import { command } from './command.ts'
import { bash } from './completion/bash.ts'
import { fish } from './completion/fish.ts'
import { completionTree } from './completion/tree.ts'
import { zsh } from './completion/zsh.ts'

const SCRIPTS = { bash, zsh, fish } as const
type Shell = keyof typeof SCRIPTS
const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish']

export const completion = command({
  about: `Prints a completion script for a shell: commands, options and their values, and the names of nodes, environments,
tags and drafts, which it asks for while you type.`,
  examples: [
    ['source <(seeknal completion bash)', 'for this bash session'],
    ['source <(seeknal completion zsh)', 'for this zsh session, after compinit'],
    ['seeknal completion zsh > ~/.zfunc/_seeknal', 'for every one, where ~/.zfunc is in $fpath'],
    ['seeknal completion fish > ~/.config/fish/completions/seeknal.fish', 'for fish'],
  ],
  args: { shell: { type: 'positional', description: `One of ${SHELLS.join(', ')}`, required: true } },
  completes: { shell: SHELLS },
  async run(args, { terminal, program }) {
    const shell = shellNamed(args.shell)
    const text = SCRIPTS[shell](program.name, await completionTree(program.verbs))
    if (terminal.options.json) terminal.document({ shell, script: text })
    else terminal.raw(text)
    return 0
  },
})

function shellNamed(text: string): Shell {
  const shell = SHELLS.find((known) => known === text)
  if (shell !== undefined) return shell
  throw new RuntimeFailure('USAGE', `'${text}' is none of ${SHELLS.join(', ')}.`, { shell: text })
}
