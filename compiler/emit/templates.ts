// Templates → functions that fill them. The build compiles them (strict, nothing escaped: SQL and Markdown are not HTML;
// nothing re-indented inside a literal); a template only spells, it decides nothing.

import Handlebars from 'handlebars/runtime'
import { Bug, messageOf } from '../../runtime/contract/failures.ts'

/**
 * Fills a template; `name` is its path below templates/, for messages. A value that is missing is a mistake of ours.
 * SQL enters as a value at column 0.
 */
export function template<Values extends object>(name: string, specification: object): (values: Values) => string {
  const fill = Handlebars.template<Values>(specification)
  return (values) => {
    try {
      return fill(values)
    } catch (cause) {
      throw new Bug(`templates/${name}: ${messageOf(cause)}`, { cause })
    }
  }
}
