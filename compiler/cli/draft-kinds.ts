// Kinds of nodes that can be drafted and applied, and where their files are put.

export const KINDS = ['source', 'transform'] as const
export type Kind = (typeof KINDS)[number]

/** `seeknal/<kind>s/<name>.yml`. Pure. */
export const homeOf = (kind: Kind, name: string): string => `seeknal/${kind}s/${name}.yml`
