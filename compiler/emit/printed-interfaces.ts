// Interfaces → their texts: syntax trees of TypeScript, printed. Structures of ts-morph would be parsed again, which takes
// four times as long. The build puts in what this file uses of the package, so that `ts` has no more than that.

import { ts } from 'ts-morph'

/** What is printed. Names and types are texts of the language already. */
export interface Interface {
  readonly name: string
  readonly about: string
  readonly members: readonly {
    /** In quotes where the language needs them; null: any name. */
    readonly name: string | null
    readonly type: string
    readonly about?: string
  }[]
}

/** The text of each. Pure. */
export function printInterfaces(interfaces: readonly Interface[]): readonly string[] {
  const printer = ts.createPrinter({ newLine: ts.NewLineKind.LineFeed })
  const end = ts.factory.createToken(ts.SyntaxKind.EndOfFileToken)
  const file = ts.factory.createSourceFile([], end, ts.NodeFlags.None)
  // The printer indents by four columns.
  return interfaces.map((each) => {
    const text = printer.printNode(ts.EmitHint.Unspecified, interfaceTree(each), file)
    return `${text.replace(/^ {4}/gm, '  ')}\n`
  })
}

function interfaceTree({ name, about, members }: Interface): ts.InterfaceDeclaration {
  const { factory } = ts
  const readonly = [factory.createModifier(ts.SyntaxKind.ReadonlyKeyword)]
  const exported = [factory.createModifier(ts.SyntaxKind.ExportKeyword)]
  const signatures = members.map((member) => {
    const type = factory.createTypeReferenceNode(member.type)
    if (member.name === null) {
      const key = factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword)
      const column = factory.createParameterDeclaration(undefined, undefined, 'column', undefined, key)
      return factory.createIndexSignature(readonly, [column], type)
    }
    const signature = factory.createPropertySignature(readonly, member.name, undefined, type)
    return member.about === undefined ? signature : documented(signature, member.about, '     ')
  })
  const tree = factory.createInterfaceDeclaration(exported, name, undefined, undefined, signatures)
  return documented(tree, about, ' ')
}

/** `margin`: what stands before the star of each further line. */
function documented<T extends ts.Node>(node: T, text: string, margin: string): T {
  const lines = text.split('\n').map((line) => `${margin}* ${line}`.trimEnd())
  const body = lines.length === 1 ? `* ${text} ` : `*\n${lines.join('\n')}\n${margin}`
  return ts.addSyntheticLeadingComment(node, ts.SyntaxKind.MultiLineCommentTrivia, body, true)
}
