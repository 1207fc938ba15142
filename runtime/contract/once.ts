// A value that is made when it is first asked for.

/** What `make` gives, which is called again only after it has thrown. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
