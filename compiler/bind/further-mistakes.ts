// The engine stops at the first column that it does not find. Here that one is covered, so that it names the next: all
// wrong columns of a query in one run. What it complains about otherwise may come from the cover, and is not told.

import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import type { World } from './bound-node.ts'
import { type DescribeError, missingColumnAt, mistake } from './mistakes.ts'
import { type Answer, statementTexts } from './outputs.ts'

/** Columns looked for in one query after the first; one more is found by the next run. */
const MOST_ROUNDS = 20

type Wrong = Extract<Answer, { readonly kind: 'error' }>

interface Search {
  readonly wrong: Wrong
  statements: readonly string[]
  error: DescribeError
  readonly names: Set<string>
}

/** Of nodes whose first mistake is told already; each name once a node. */
export async function furtherMistakes(wrong: readonly Wrong[], world: World): Promise<readonly Diagnostic[]> {
  const diagnostics: Diagnostic[] = []
  let searches = wrong.flatMap((one) => {
    const search: Search = { wrong: one, statements: statementTexts(one.node), error: one.error, names: new Set() }
    return covered(search) ? [search] : []
  })
  for (let round = 0; round < MOST_ROUNDS && searches.length > 0; round += 1) {
    const asked = searches.map(({ statements, wrong: { relations } }) => ({ statements, relations }))
    const answers = await (await world.engine()).describe(asked)
    searches = searches.filter((search, i) => {
      const answer = answers[i]
      if (answer?.kind !== 'error') return false
      search.error = answer
      const name = missingColumnAt(answer, search.statements)?.column
      if (name === undefined) return false
      if (!search.names.has(name))
        diagnostics.push(mistake(search.wrong.node, withoutCovers(answer), search.wrong.relations))
      return covered(search)
    })
  }
  return diagnostics
}

const withoutCovers = (error: DescribeError): DescribeError => ({
  ...error,
  candidates: error.candidates.filter((name) => name !== 'NULL' && name !== "''"),
})

/** Puts NULL, or an empty text where that is too long, in place of the column; nothing else moves. False: it cannot. */
function covered(search: Search): boolean {
  const found = missingColumnAt(search.error, search.statements)
  if (found === undefined || found.length < 2) return false
  search.names.add(found.column)
  const cover = (found.length < 4 ? "''" : 'NULL').padEnd(found.length)
  search.statements = search.statements.map((text, i) =>
    i === search.error.statement ? text.slice(0, found.offset) + cover + text.slice(found.offset + found.length) : text,
  )
  return true
}
