// The commands that execute bundles and look at outputs, without the compiler.

import { version } from '../../package.json'
import { runAsProcess } from './host.ts'
import { RUNTIME_ENV_VERBS, RUNTIME_VERBS } from './verbs.ts'

void runAsProcess({
  name: 'seeknal-runtime',
  summary: 'Executes bundles that `seeknal compile` wrote, and looks at what they made.',
  version,
  verbs: { ...RUNTIME_VERBS, env: { summary: 'Promote, list and delete environments', verbs: RUNTIME_ENV_VERBS } },
  examples: [['seeknal-runtime repl', 'SQL over the outputs']],
})
