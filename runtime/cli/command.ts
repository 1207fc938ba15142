// What a command is: options for citty's parser, examples for its help, and a function that gives the exit code.
// A tree of verbs loads a command only when it is asked for, so that `--help` and `--version` start nothing heavy.

import type { ArgsDef, ParsedArgs } from 'citty'
import type { Terminal } from './terminal.ts'

export interface Surroundings {
  readonly terminal: Terminal
  /** Absolute; where relative paths of arguments start. */
  readonly cwd: string
  /** Value of --project-path, or null: the nearest parent with a project decides. */
  readonly projectPath: string | null
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The program that runs, with all of its commands. */
  readonly program: { readonly name: string; readonly verbs: Verbs }
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP. Where nobody listens to it, the process ends at once. */
  readonly signal: AbortSignal
}

/** Kinds of names that `words` prints for the completion of shells. */
export const WORDS = ['nodes', 'types', 'tags', 'environments', 'destinations', 'drafts', 'schemas'] as const
export type Words = (typeof WORDS)[number]

/** What an argument or the value of an option can be: fixed words, or names that depend on the project. */
export type Completed = Words | readonly string[]

export interface CommandDefinition<A extends ArgsDef> {
  /** What it does, for its help; may have several paragraphs. */
  readonly about: string
  /** Complete command lines with what they do. */
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly args: A
  /** Options that may be given several times; their values are joined with commas. */
  readonly lists?: readonly (keyof A & string)[]
  /** For the completion of shells; what is not named is a file. */
  readonly completes?: { readonly [name in keyof A]?: Completed }
  /** Gives the exit code. */
  run(args: ParsedArgs<A>, surroundings: Surroundings): Promise<number>
}

/** A command whatever its arguments are. */
export interface Command {
  readonly about: string
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly args: ArgsDef
  readonly lists: readonly string[]
  readonly completes: Readonly<Record<string, Completed | undefined>>
  readonly run: (rawArgs: readonly string[], surroundings: Surroundings) => Promise<number>
}

export interface Verb {
  readonly summary: string
  /** For programs, not for people: help does not list it. */
  readonly hidden?: boolean
  readonly load: () => Promise<Command>
}

export interface VerbGroup {
  readonly summary: string
  readonly verbs: Verbs
}

export type Verbs = { readonly [name: string]: Verb | VerbGroup }

export const isGroup = (entry: Verb | VerbGroup): entry is VerbGroup => 'verbs' in entry

/** Those that help lists. */
export const shownVerbs = (verbs: Verbs): readonly (readonly [name: string, entry: Verb | VerbGroup])[] =>
  Object.entries(verbs).filter(([, entry]) => isGroup(entry) || entry.hidden !== true)

/** Defines a command. `run` is called with the arguments that citty's parser gives for checked raw arguments. */
export function command<const A extends ArgsDef>(definition: CommandDefinition<A>): Command {
  return {
    about: definition.about,
    examples: definition.examples,
    args: definition.args,
    lists: definition.lists ?? [],
    completes: { ...definition.completes },
    run: async (rawArgs, surroundings) => {
      const { parseArgs } = await import('citty')
      return definition.run(parseArgs<A>([...rawArgs], definition.args), surroundings)
    },
  }
}
