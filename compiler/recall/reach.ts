// Nodes of the last compile, each by its place in the list of all: those that are reached from some of them. Pure.

import type { Kept } from './kept.ts'

/** The nodes and all that reads them, inputs first. */
export function readersOf(places: Iterable<number>, nodes: Kept['nodes']): readonly number[] {
  const readers = new Map<number, number[]>()
  for (const [place, [, , inputs]] of nodes.entries())
    for (const input of inputs) {
      const known = readers.get(input)
      if (known === undefined) readers.set(input, [place])
      else known.push(place)
    }
  const reached = new Set(places)
  for (const place of reached) for (const reader of readers.get(place) ?? []) reached.add(reader)
  const waiting = new Map(
    [...reached].map((place) => [place, (nodes[place]?.[2] ?? []).filter((input) => reached.has(input)).length]),
  )
  const order = [...reached].filter((place) => waiting.get(place) === 0)
  for (const place of order)
    for (const reader of readers.get(place) ?? []) {
      const left = (waiting.get(reader) ?? 0) - 1
      waiting.set(reader, left)
      if (left === 0) order.push(reader)
    }
  return order
}

/** The nodes and all that they read, through however many; in the order of the list. */
export function inputsOf(places: Iterable<number>, nodes: Kept['nodes']): readonly number[] {
  const reached = new Set(places)
  for (const place of reached) for (const input of nodes[place]?.[2] ?? []) reached.add(input)
  return [...reached].sort((a, b) => a - b)
}
