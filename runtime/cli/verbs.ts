// The commands that need no compiler: name → one line, and the module that is loaded when it is asked for.

import type { Verbs } from './command.ts'

export const RUNTIME_VERBS = {
  repl: { summary: 'SQL over the outputs', load: async () => (await import('./repl.ts')).repl },
} satisfies Verbs
