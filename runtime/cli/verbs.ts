// The commands that need no compiler: name → one line, and the module that is loaded when it is asked for.

import type { Verbs } from './command.ts'

/** What can be done with environments without the compiler. */
export const RUNTIME_ENV_VERBS = {
  promote: { summary: 'Make it production, in one step', load: async () => (await import('./promote.ts')).promote },
  list: { summary: 'Status, changes, age and size of each', load: async () => (await import('./env-list.ts')).envList },
  diff: { summary: 'Compare its data with production', load: async () => (await import('./env-diff.ts')).envDiff },
  delete: { summary: 'Remove it', load: async () => (await import('./env-delete.ts')).envDelete },
} satisfies Verbs

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
  profile: {
    summary: 'Connections of the project',
    verbs: {
      show: {
        summary: 'Print the profile, without secrets',
        load: async () => (await import('./profile-show.ts')).profileShow,
      },
    },
  },
  connection: {
    summary: 'Try a connection',
    verbs: { test: { summary: 'Connect', load: async () => (await import('./connection-test.ts')).connectionTest } },
  },
  history: { summary: 'What production was', load: async () => (await import('./history.ts')).history },
  rollback: {
    summary: 'Make an earlier generation production again',
    load: async () => (await import('./rollback.ts')).rollback,
  },
  promote: { summary: 'The same as env promote', load: async () => (await import('./promote.ts')).promote },
  inspect: {
    summary: 'Columns, row count and first rows of an output',
    load: async () => (await import('./inspect.ts')).inspect,
  },
  clean: { summary: 'Remove what is expired or unreferenced', load: async () => (await import('./clean.ts')).clean },
  unlock: { summary: 'Who holds the lock, and remove it', load: async () => (await import('./unlock.ts')).unlock },
  repl: { summary: 'SQL over the outputs', load: async () => (await import('./repl.ts')).repl },
  words: {
    summary: 'Names for the completion of shells',
    hidden: true,
    load: async () => (await import('./words.ts')).words,
  },
  completion: {
    summary: 'Shell completion for bash, zsh and fish',
    load: async () => (await import('./completion.ts')).completion,
  },
} satisfies Verbs
