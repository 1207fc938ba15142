// The commands that need no compiler: name → one line, and the module that is loaded when it is asked for.

import type { Verbs } from './command.ts'

export const RUNTIME_VERBS = {
  bundle: {
    summary: 'Check, show or compare bundles',
    verbs: {
      verify: { summary: 'Check digest and files', load: async () => (await import('./bundle.ts')).verify },
      show: { summary: 'Print what a bundle does', load: async () => (await import('./bundle.ts')).show },
      diff: { summary: 'Compare two bundles', load: async () => (await import('./bundle.ts')).diff },
    },
  },
  repl: { summary: 'SQL over the outputs', load: async () => (await import('./repl.ts')).repl },
} satisfies Verbs
