// A text that must never be seen: printed, logged, put into JSON or a message, it is `***`. Only who connects with it takes
// it out.

import { inspect } from 'node:util'

export const REDACTED = '***'

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself, for the driver. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}

/** Texts shorter than this would make a message unreadable, and are in it by chance. */
const SHORTEST = 4

/** The text without any of the secrets. Pure. */
export function withoutSecrets(text: string, secrets: readonly (Secret | null)[]): string {
  return secrets
    .flatMap((secret) => (secret === null ? [] : spellings(secret.reveal())))
    .filter((spelling) => spelling.length >= SHORTEST)
    .sort((a, b) => b.length - a.length)
    .reduce((rest, spelling) => rest.replaceAll(spelling, REDACTED), text)
}

/** As it is, and as it stands in an URL and in JSON. */
const spellings = (text: string): string[] => [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1)]
