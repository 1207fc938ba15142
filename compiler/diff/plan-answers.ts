// Questions about plans → the forms of these plans, each asked of the engine once. Answers are kept by content, so that a query
// is planned once however often it is asked about, and over runs of the compiler.

import { asFingerprint } from '../../runtime/contract/ids.ts'
import type { CompileCache, LazySqlEngine, PlanRequest } from '../ports.ts'
import { formOfParts, type PlanForm, type PlanParts, planForm } from '../sql/plan-form.ts'

/** Changes whenever the form of a plan does, so that an old answer is not taken for a new one. */
const FORM_VERSION = 2

/** So many questions are asked at once. */
const TOGETHER = 16

export interface Question {
  /** Stands for all that the answer depends on. */
  readonly key: string
  readonly request: PlanRequest
}

/** JSON texts of plans. */
type PlanTexts = readonly (string | null)[]

export class PlanAnswers {
  readonly #engine: LazySqlEngine
  readonly #cache: CompileCache
  readonly #renamed: ReadonlyMap<string, string>
  readonly #ready = new Map<string, PlanForm | null>()

  /** `renamed` as for planForm(). */
  constructor(engine: LazySqlEngine, cache: CompileCache, renamed: ReadonlyMap<string, string>) {
    this.#engine = engine
    this.#cache = cache
    this.#renamed = renamed
  }

  async of(question: Question): Promise<PlanForm | null> {
    const kept = await this.#kept(question)
    return kept === undefined ? this.#read(question, (await this.#plans([question]))[0]) : kept
  }

  /** Asks all that is open, many at a time, for later. */
  async ahead(questions: readonly Question[]): Promise<void> {
    const open = new Map<string, Question>()
    for (const question of questions) if ((await this.#kept(question)) === undefined) open.set(question.key, question)
    const all = [...open.values()]
    let coming = this.#plans(all.slice(0, TOGETHER))
    for (let at = 0; at < all.length; at += TOGETHER) {
      const plans = await coming
      // The engine plans the next ones on a thread of its own while these are read.
      coming = this.#plans(all.slice(at + TOGETHER, at + 2 * TOGETHER))
      for (const [i, question] of all.slice(at, at + TOGETHER).entries()) await this.#read(question, plans[i])
    }
  }

  async #plans(questions: readonly Question[]): Promise<PlanTexts> {
    return questions.length === 0 ? [] : (await this.#engine()).plans(questions.map(({ request }) => request))
  }

  async #read({ key }: Question, plan: string | null = null): Promise<PlanForm | null> {
    const answer = planForm(plan, this.#renamed)
    this.#ready.set(key, answer)
    this.#cache.set(await this.#place(key), answer && stored(answer))
    return answer
  }

  /** Undefined: nobody has asked yet. */
  async #kept({ key }: Question): Promise<PlanForm | null | undefined> {
    const ready = this.#ready.get(key)
    if (ready !== undefined) return ready
    const kept = this.#cache.get(await this.#place(key))
    if (kept === undefined) return undefined
    const answer = restored(kept)
    this.#ready.set(key, answer)
    return answer
  }

  async #place(key: string): Promise<string> {
    return `plan-form/${FORM_VERSION}/${(await this.#engine()).version}/${key}`
  }
}

/** JSON of an answer; whatever follows from the rest of it is left out. */
const stored = ({ form, scans, parts }: PlanForm): unknown =>
  parts === null
    ? { form, scans: [...scans] }
    : { rows: parts.rows, scans: [...parts.scans], columns: parts.columns.map((c) => [c.symbol, [...c.scans]]) }

interface Stored {
  readonly form?: unknown
  readonly rows?: unknown
  readonly scans?: unknown
  readonly columns?: unknown
}

/** What `stored` has made; anything else counts as no answer. */
function restored(value: unknown): PlanForm | null {
  const { form, rows, scans: pairs, columns } = (value ?? {}) as Stored
  if (!Array.isArray(pairs)) return null
  const scans = new Map(pairs as [string, string[]][])
  if (typeof form === 'string') return { form: asFingerprint(form), scans, parts: null }
  if (typeof rows !== 'string' || !Array.isArray(columns)) return null
  const parts: PlanParts = {
    rows: asFingerprint(rows),
    scans,
    columns: (columns as [string, [string, string[]][]][]).map(([symbol, own]) => ({ symbol, scans: new Map(own) })),
  }
  return formOfParts(parts)
}
