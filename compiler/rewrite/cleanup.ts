// A transform of several statements → the SQL that takes back what those before the query leave in the session. The runtime
// gives each step a session of its own; in apply.sql all steps share one. Pure.

import type { ResolvedTransform } from '../resolve.ts'
import type { RewrittenStep } from '../rewrite.ts'
import { lex } from '../sql/lexer.ts'

export function cleanupOf({ sql }: ResolvedTransform): Pick<RewrittenStep, 'cleanup'> {
  const before = sql.statements.slice(0, -1).map(({ start, end }) => sql.text.slice(start, end))
  const cleanup = [...new Set(before.flatMap(undo))].reverse().join('')
  return cleanup === '' ? {} : { cleanup }
}

const TEMPORARY =
  /^create (?:or replace )?temp(?:orary)? (?:recursive )?(table|view|sequence|type) (?:if not exists )?$/
const MACRO = /^create (?:or replace )?(temp(?:orary)? )?(?:macro|function) (?:if not exists )?$/
const SET_VARIABLE = /^set (?:session )?variable $/

/** The statement that takes back what a statement leaves in the session. */
function undo(statement: string): string[] {
  let words = ''
  for (const token of lex(statement)) {
    if (token.kind === 'comment') continue
    const text = statement.slice(token.start, token.end)
    const [object, macro] = [TEMPORARY.exec(words), MACRO.exec(words)]
    // `temp.` and `pg_temp.` before the name say what TEMP says already.
    if (/^(?:(?:pg_)?temp|\.)$/i.test(text) && (object ?? macro) !== null) continue
    const isName = !/^(?:if|not|exists)$/i.test(text)
    if (macro !== null && isName) {
      const name = macro[1] === undefined ? text : `temp.${text}`
      return [`DROP MACRO IF EXISTS ${name};\nDROP MACRO TABLE IF EXISTS ${name};\n`]
    }
    if (object !== null && isName) return [`DROP ${object[1]?.toUpperCase()} IF EXISTS temp.${text};\n`]
    if (SET_VARIABLE.test(words)) return [`RESET VARIABLE ${text};\n`]
    words += `${text.toLowerCase()} `
  }
  return []
}
