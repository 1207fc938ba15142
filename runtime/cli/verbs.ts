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
  exec: {
    summary: 'Execute a bundle',
    verbs: { bundle: { summary: 'Execute a bundle', load: async () => (await import('./exec.ts')).bundle } },
  },
  rollback: {
    summary: 'Make an earlier generation production again',
    load: async () => (await import('./rollback.ts')).rollback,
  },
  promote: { summary: 'The same as env promote', load: async () => (await import('./promote.ts')).promote },
  inspect: {
    summary: 'Columns, row count and first rows of an output',
    load: async () => (await import('./inspect.ts')).inspect,
  },
  unlock: { summary: 'Who holds the lock, and remove it', load: async () => (await import('./unlock.ts')).unlock },
  repl: { summary: 'SQL over the outputs', load: async () => (await import('./repl.ts')).repl },
} satisfies Verbs
