// The engines that execute bundles, with what differs between them as facts: whoever needs to know asks for the fact, never
// for the name. An engine that is a database has a connection of the profile and a schema that readers look into.

import Type, { type Static } from 'typebox'

export const EngineName = Type.Union([Type.Literal('duckdb'), Type.Literal('postgresql')])
export type EngineName = Static<typeof EngineName>

/** How an author's SQL is spelled. */
export type Dialect = EngineName

export interface EngineFacts {
  /** What people call it. */
  readonly title: string
  /** Versions whose SQL the compiler knows: `from` ≤ version < `before`. */
  readonly from: string
  readonly before: string
  /** Outputs are tables that views lead to, in a database that also holds the state; else they are files below target/. */
  readonly isDatabase: boolean
  /** Dialects of SQL that it executes, or that the compiler translates for it. */
  readonly dialects: readonly Dialect[]
}

export const ENGINES: Readonly<Record<EngineName, EngineFacts>> = {
  duckdb: { title: 'DuckDB', from: '1.5.0', before: '1.6.0', isDatabase: false, dialects: ['duckdb'] },
  postgresql: {
    title: 'PostgreSQL',
    from: '14.0',
    before: '20.0',
    isDatabase: true,
    dialects: ['duckdb', 'postgresql'],
  },
}

/** Whether a bundle's engine, by its name, is one that is a database. */
export const isDatabaseEngine = (name: string): boolean =>
  Object.entries(ENGINES).some(([known, { isDatabase }]) => known === name && isDatabase)

/** The schema of outputs that nobody names one for. */
export const DEFAULT_OUTPUT_SCHEMA = 'public'

/** What executes, as a project or a profile chooses it; null: the project does not say. */
export interface EngineChoice {
  readonly name: EngineName
  /** Of the profile. */
  readonly connection: string | null
  /** Production's schema of what transforms make. */
  readonly schema: string | null
}
