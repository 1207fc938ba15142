// What a bundle may hold at most. Far above any real project, low enough that a forged archive cannot fill memory.

export const LIMITS = { files: 100_000, bytes: 512 * 1024 * 1024 } as const
