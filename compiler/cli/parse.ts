// `seeknal parse`: the project as its manifest. Production's manifest is never touched.

import { formatArgument } from '../../runtime/cli/arguments.ts'
import { command } from '../../runtime/cli/command.ts'
import { alignedRows } from '../../runtime/cli/table.ts'
import { isError } from '../../runtime/contract/diagnostics.ts'
import { dagLine } from './changes.ts'
import { compiled, projectErrors } from './compile-project.ts'
import { sayDiagnostics } from './diagnostics.ts'
import { PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { openWorkspace } from './workspace.ts'

export const parse = command({
  about: `Reads the project and shows its nodes; with --json, the complete manifest: definitions, columns, types, lineage.
Nothing is executed, and what production is compared with stays as it is.`,
  examples: [
    ['seeknal parse', 'list the nodes'],
    ['seeknal parse --json > manifest.json', 'write the manifest'],
  ],
  args: {
    ...PARAMS_ARG,
    format: { type: 'enum', alias: 'f', options: ['table', 'json'], description: 'How it is shown (default: table)' },
  },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const format = formatArgument(args.format, terminal.options.json)
    const workspace = openWorkspace(surroundings)
    try {
      const result = await compiled(workspace, {
        environment: null,
        past: null,
        params: paramsArgument(args.params),
        stopAfter: 'fingerprint',
      })
      sayDiagnostics(terminal, result.diagnostics, workspace.files())
      if (result.manifest === null || result.diagnostics.some(isError)) throw projectErrors(result.diagnostics)
      if (format === 'json') {
        terminal.document(result.manifest)
        return 0
      }
      terminal.success(dagLine(result.size?.nodes ?? 0, result.size?.edges ?? 0))
      const rows = result.manifest.nodes.map((node) => [
        node.id,
        node.inputs.map((input) => input.ref).join(', ') || '–',
        node.columns === null ? 'known after execution' : String(node.columns.length),
        node.file,
      ])
      for (const line of alignedRows(['node', 'inputs', 'columns', 'file'], rows)) terminal.result(line)
      return 0
    } finally {
      workspace.close()
    }
  },
})
