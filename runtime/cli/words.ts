// `seeknal words <what> [current]`: names for the completion of shells, one a line. Looks only where it is quick, loads no
// engine and no compiler, and has no errors: what cannot be read has no names. What is no plain name is left out, for a
// shell would read it as more than a word; one that holds a comma stands in quotes.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { byCodeUnit } from '../contract/canonical-json.ts'
import { environmentNames } from '../store/environments.ts'
import { currentLink, openStore, type Store } from '../store/store.ts'
import { listed, listItem } from './arguments.ts'
import { type Command, command, type Surroundings, WORDS, type Words } from './command.ts'
import { outputsRoot } from './project-root.ts'

export interface NamedNode {
  /** `transform.orders`. */
  readonly id: string
  readonly tags: readonly string[]
}

/** What a program knows besides production and its environments. */
export interface OtherWords {
  /** Nodes of the project's own files. */
  readonly nodes?: (root: string) => readonly NamedNode[]
  readonly schemas?: () => Promise<readonly string[]>
}

/** With a comma only within quotes, as the options take it. */
const PLAIN = /^[\w.,-]+$/
const DRAFT = /^draft_\w+\.ya?ml$/

export const wordsCommand = (other: OtherWords = {}): Command =>
  command({
    about: `Prints the names that a shell can complete, one a line: ${WORDS.join(', ')}. With the word that is typed, only
those that go on with it; after a comma, those that are not in the list yet. A name that holds a comma stands in quotes.`,
    examples: [
      ['seeknal words nodes transform.', 'every transform'],
      ['seeknal words environments', 'every environment'],
    ],
    args: {
      what: { type: 'positional', description: `One of ${WORDS.join(', ')}`, required: true },
      current: { type: 'positional', description: 'The word that is typed', required: false },
    },
    completes: { what: WORDS },
    async run(args, surroundings) {
      const words = WORDS.find((known) => known === args.what)
      const found = words === undefined ? [] : fitting(await namesOf(words, other, surroundings), args.current ?? '')
      const { terminal } = surroundings
      if (terminal.options.json) terminal.document(found)
      else for (const name of found) terminal.result(name)
      return 0
    },
  })

export const words = wordsCommand()

async function namesOf(words: Words, other: OtherWords, surroundings: Surroundings): Promise<readonly string[]> {
  const nodes = () =>
    inProject(surroundings, (store) => [...nodesOfProduction(store), ...(other.nodes?.(store.project) ?? [])])
  const environments = () => inProject(surroundings, environmentNames)
  switch (words) {
    case 'nodes':
      return nodes().map(({ id }) => id)
    case 'types':
      return nodes().map(({ id }) => id.replace(/\..*/, ''))
    case 'tags':
      return nodes().flatMap(({ tags }) => tags)
    case 'environments':
      return environments()
    case 'destinations':
      return ['prod', ...environments()]
    case 'drafts':
      return quietly(() => readdirSync(surroundings.cwd).filter((name) => DRAFT.test(name)))
    case 'schemas':
      return (await other.schemas?.()) ?? []
  }
}

/** Sorted, once each. Where no name begins with what is typed, the second part of one may: `daily` for `transform.daily`. */
function fitting(names: readonly string[], typed: string): readonly string[] {
  const [list = ''] = /^(?:(?:"(?:[^"]|"")*"|[^",]*),)*/.exec(typed) ?? []
  const last = typed.slice(list.length)
  const given = new Set(listed(list))
  const sorted = [...new Set(names)]
    .filter((name) => PLAIN.test(name) && !given.has(name))
    .sort(byCodeUnit)
    .map(listItem)
  const whole = sorted.filter((name) => name.startsWith(last))
  const short = () => sorted.map((name) => name.slice(name.indexOf('.') + 1)).filter((name) => name.startsWith(last))
  return (whole.length > 0 ? whole : short()).map((name) => list + name)
}

/** The manifest as it is there: a name that is wrong does no harm, and checking all of it takes longer than reading it. */
function nodesOfProduction(store: Store): readonly NamedNode[] {
  const link = currentLink(store)
  if (link === null || !/^generations\/\d+$/.test(link)) return []
  return quietly(() => {
    const { nodes }: { nodes: readonly NamedNode[] } = JSON.parse(
      readFileSync(join(store.target, link, 'manifest.json'), 'utf8'),
    )
    return nodes.map(({ id, tags }) => ({ id: String(id), tags: tags.map(String) }))
  })
}

const inProject = <T>(surroundings: Surroundings, read: (store: Store) => readonly T[]): readonly T[] =>
  quietly(() => read(openStore(outputsRoot(surroundings))))

function quietly<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch {
    return []
  }
}
