// `seeknal validate`: every mistake of the project in one run, nothing executed.

import { command } from '../../runtime/cli/command.ts'
import { counted } from '../../runtime/cli/text.ts'
import { isError } from '../../runtime/contract/diagnostics.ts'
import { dagLine } from './changes.ts'
import { compiled, projectErrors } from './compile-project.ts'
import { sayDiagnostics } from './diagnostics.ts'
import { PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { sayUnusedParams, unusedParams } from './unused-params.ts'
import { openWorkspace } from './workspace.ts'

export const validate = command({
  about: `Checks the whole project: YAML, references, SQL, columns and types. All mistakes are reported at once, each with
file, line and column. Nothing is executed and nothing is written.`,
  examples: [
    ['seeknal validate', 'check the project'],
    ['seeknal validate --json', 'the same for scripts'],
  ],
  args: { ...PARAMS_ARG },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const workspace = openWorkspace(surroundings)
    try {
      const params = paramsArgument(args.params)
      const result = await compiled(workspace, {
        environment: null,
        params,
        stopAfter: 'bind',
      })
      const errors = result.diagnostics.filter(isError)
      sayDiagnostics(terminal, result.diagnostics, workspace.files())
      if (errors.length > 0) throw projectErrors(result.diagnostics)
      sayUnusedParams(terminal, unusedParams(params, workspace.files()))
      const { nodes = 0, edges = 0 } = result.size ?? {}
      const warnings = result.diagnostics.length - errors.length
      terminal.success(dagLine(nodes, edges))
      terminal.success(
        warnings === 0 ? 'The project is valid.' : `The project is valid, with ${counted(warnings, 'warning')}.`,
      )
      if (terminal.options.json) terminal.document({ valid: true, nodes, edges, diagnostics: result.diagnostics })
      return 0
    } finally {
      workspace.close()
    }
  },
})
