// Template texts → functions that fill them. Texts are part of the program; a template only spells, it decides nothing.
// A value that is missing is a mistake of ours; nothing is escaped, since SQL and Markdown are not HTML.

import Handlebars from 'handlebars'
import { Bug, messageOf } from '../../runtime/contract/failures.ts'

/** Fills a template; `name` is its path below templates/. The same instance is compiled once. */
export function template<Values extends object>(name: string, text: string): (values: Values) => string {
  let compiled: Handlebars.TemplateDelegate<Values> | undefined
  return (values) => {
    compiled ??= Handlebars.compile<Values>(text, { strict: true, noEscape: true, preventIndent: true })
    try {
      return compiled(values)
    } catch (cause) {
      throw new Bug(`templates/${name}: ${messageOf(cause)}`, { cause })
    }
  }
}
