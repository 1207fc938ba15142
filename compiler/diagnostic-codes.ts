// Every code of an author's mistake with what it means: API, produced by a fixture each. Sorted by pass, then name.

export const DIAGNOSTIC_CODES = {
  LOAD_NO_NODES: 'The project has no node files.',
} as const satisfies Readonly<Record<string, string>>

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES
