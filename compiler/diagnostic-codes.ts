// Every code of an author's mistake with what it means: API, produced by a fixture each. Sorted by pass, then name.

import type { Diagnostic, Place } from '../runtime/contract/diagnostics.ts'

export const DIAGNOSTIC_CODES = {
  LOAD_NO_NODES: 'The project has no node files.',
} as const satisfies Readonly<Record<string, string>>

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES

/** What a diagnostic may hold besides code, severity, place and message. */
export type DiagnosticDetails = Partial<Pick<Diagnostic, 'facts' | 'hints' | 'notes'>>

const made = (severity: Diagnostic['severity']) => (code: DiagnosticCode, place: Place, message: string, details: DiagnosticDetails = {}): Diagnostic => ({
  code,
  severity,
  message,
  facts: details.facts ?? {},
  place,
  hints: details.hints ?? [],
  notes: details.notes ?? [],
})

/** A diagnostic that stops the compile after this pass. */
export const errorAt = made('error')
/** A diagnostic that stops nothing. */
export const warningAt = made('warning')
