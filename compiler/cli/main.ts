// The `seeknal` command. Nothing heavy is loaded before the command that needs it.

import { version } from '../../package.json'
import { runAsProcess } from '../../runtime/cli/host.ts'
import { VERBS } from './verbs.ts'

void runAsProcess({
  name: 'seeknal',
  summary: 'Turns a folder of YAML with SQL inside into tables, safely: plan, apply beside production, look, promote.',
  version,
  verbs: VERBS,
  examples: [
    ['seeknal init --example ecommerce', 'start with an example'],
    ['seeknal run', 'execute what is due'],
    ['seeknal repl', 'look at the tables'],
  ],
})
