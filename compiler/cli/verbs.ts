// All commands: name → one line, and the module that is loaded when it is asked for. In the order of a day's work.

import type { Verbs } from '../../runtime/cli/command.ts'
import { RUNTIME_ENV_VERBS, RUNTIME_VERBS } from '../../runtime/cli/verbs.ts'

export const VERBS = {
  init: {
    summary: 'Start a project, with --example one that runs at once',
    load: async () => (await import('./init.ts')).init,
  },
  draft: { summary: 'Write a draft of a node', load: async () => (await import('./draft.ts')).draft },
  'dry-run': {
    summary: 'Check a draft and show its first rows',
    load: async () => (await import('./dry-run.ts')).dryRun,
  },
  apply: {
    summary: 'Check a draft and move it into the project',
    load: async () => (await import('./apply.ts')).apply,
  },
  validate: {
    summary: 'Check the project: every mistake in one run',
    load: async () => (await import('./validate.ts')).validate,
  },
  parse: { summary: 'Show the nodes, or the manifest', load: async () => (await import('./parse.ts')).parse },
  plan: { summary: 'What a run would do, and why', load: async () => (await import('./plan.ts')).plan },
  run: { summary: 'Execute what is due', load: async () => (await import('./run.ts')).run },
  env: {
    summary: 'Plan, apply, promote, list and delete environments',
    verbs: {
      plan: {
        summary: 'Say what changes against production, and keep the plan',
        load: async () => (await import('./env-plan.ts')).envPlan,
      },
      apply: {
        summary: 'Execute the plan beside production',
        load: async () => (await import('./env-apply.ts')).envApply,
      },
      ...RUNTIME_ENV_VERBS,
      promote: { ...RUNTIME_ENV_VERBS.promote, load: async () => (await import('./env-promote.ts')).envPromote },
      list: { ...RUNTIME_ENV_VERBS.list, load: async () => (await import('./env-list.ts')).envList },
    },
  },
  compile: {
    summary: 'Write the execution bundle for review',
    load: async () => (await import('./compile.ts')).compile,
  },
  diff: {
    summary: 'What changed against production, column by column',
    load: async () => (await import('./diff.ts')).diff,
  },
  lineage: {
    summary: 'Where data comes from and where it goes',
    load: async () => (await import('./lineage.ts')).lineage,
  },
  lock: { summary: 'Compare sources with seeknal.lock.json', load: async () => (await import('./lock.ts')).lock },
  schema: {
    summary: 'JSON Schema of the YAML and of what is written',
    load: async () => (await import('./schema.ts')).schema,
  },
  ...RUNTIME_VERBS,
  promote: { ...RUNTIME_VERBS.promote, load: async () => (await import('./env-promote.ts')).envPromote },
  words: { ...RUNTIME_VERBS.words, load: async () => (await import('./words.ts')).words },
  profile: {
    ...RUNTIME_VERBS.profile,
    verbs: {
      show: {
        ...RUNTIME_VERBS.profile.verbs.show,
        load: async () => (await import('./connections.ts')).profileShow,
      },
    },
  },
  connection: {
    ...RUNTIME_VERBS.connection,
    verbs: {
      test: {
        ...RUNTIME_VERBS.connection.verbs.test,
        load: async () => (await import('./connections.ts')).connectionTest,
      },
    },
  },
} satisfies Verbs
